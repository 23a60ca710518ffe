from lmkit.deduplication.keep_policy import DocumentKey
from lmkit.deduplication.near_duplicates import cluster_name


def test_a_cluster_is_named_after_a_document_whatever_its_path() -> None:
    one = DocumentKey("s", "1", "digest", "here", 10, None)
    assert cluster_name(one) == cluster_name(one._replace(path="there"))
    assert cluster_name(one) != cluster_name(one._replace(id="2"))
