"""The commands that snapshot.py runs, in the order in which they can run, in the new option names.

A line is `NAME: COMMAND ARGUMENTS`. NAME is the folder that is written, which later lines read;
`generate`, `eval` without a folder and `inspect` write none. What every line gets (--output,
--workers, --device, --json) is added by snapshot.py. `raw/` is what snapshot_inputs.py wrote.
"""

import shlex
from typing import NamedTuple

CLEAN = """
clean-python: clean raw/python --shard-bytes 150000 --workers 2
clean-code: clean raw/python/library --filters.preset code --no-read.generated --no-read.licences
clean-books: clean raw/books --read.join-lines --max-quarantined 0.9
clean-books-as-they-are: clean raw/books --no-read.gutenberg --keep-rejected none
clean-paragraphs: clean raw/books/again.txt --read.unit paragraph --source again --shard-bytes 30000
clean-html: clean raw/html
clean-html-all: clean raw/html --read.html all --normalize.entities
clean-web: clean raw/html raw/warc --filters.preset web
clean-warc: clean raw/warc --filters.rules basic,url --filters.url.domains raw/lists/domains.txt
clean-wiki: clean raw/wiki --shard-bytes 120000 --workers 2
clean-jsonl: clean raw/jsonl --max-record 20000
clean-jsonl-b: clean raw/jsonl/second.jsonl.zst raw/tables/b.csv --keep-rejected sample
clean-subtitles: clean raw/subtitles
clean-epub: clean raw/epub --filters.min-characters 5
clean-tables: clean raw/tables
clean-forums: clean raw/forums
clean-speeches: clean raw/speeches
clean-gopher: clean raw/jsonl raw/html --filters.rules gopher,c4-paper,fineweb
clean-gopher-limits: clean raw/jsonl raw/books --filters.rules basic,gopher-quality,c4-code
  --filters.gopher.min-words 20 --filters.c4.min-line-words none --no-filters.c4.cut-lines
clean-fineweb: clean raw/jsonl raw/speeches --filters.rules fineweb --filters.max-repeats none
clean-markup: clean raw/jsonl --filters.rules basic,markup,profanity
  --filters.markup.max-fraction 0.2
clean-lists: clean raw/jsonl --filters.rules profanity,url
  --filters.profanity.lists en,raw/lists/words.txt --filters.profanity.max-entries 1
  --filters.url.domains raw/lists/domains.txt --filters.url.words raw/lists/url-words.txt
clean-language: clean raw/languages raw/speeches --language en,de,fr
clean-language-all: clean raw/languages raw/jsonl --language all --min-language-score 0.9
clean-pii-tag: clean raw/jsonl --pii.action tag
clean-pii-pseudonym: clean raw/jsonl --pii.action pseudonym --pii.kinds email,phone,iban
clean-pii-drop: clean raw/jsonl --pii.action drop
clean-sentences: clean raw/jsonl raw/languages --sentences offsets --max-characters 400
clean-sentence-lines: clean raw/books --sentences lines --max-characters 3000 --language en
clean-sample: clean raw/jsonl raw/html --sample 20 --seed 3
clean-normal: clean raw/jsonl --normalize.unicode nfkc --normalize.space collapse
  --normalize.quotes straight --normalize.dashes hyphen --normalize.lowercase
  --normalize.accents strip
clean-raw: clean raw/jsonl --filters.preset none --normalize.unicode none --no-normalize.control
  --normalize.space none --no-normalize.mojibake
"""

DEDUP = """
dedup-python: dedup clean-python --workers 2
dedup-exact: dedup clean-jsonl clean-html --minhash.action none
dedup-near: dedup clean-jsonl clean-books clean-html --workers 2
dedup-label: dedup clean-jsonl clean-books --minhash.action label
dedup-threshold: dedup clean-jsonl --minhash.threshold 0.5
dedup-bands: dedup clean-jsonl --minhash.bands 20 --minhash.rows 4 --minhash.min-similarity 0.4
dedup-lines: dedup clean-jsonl clean-html --repeats.lines 5
dedup-paragraphs: dedup clean-jsonl --repeats.paragraphs 10
dedup-passages: dedup clean-jsonl clean-python --repeats.passages 20 --shard-bytes 40000
dedup-url: dedup clean-warc clean-jsonl --url drop --minhash.action none
dedup-against: dedup clean-jsonl --decontamination.against raw/tests
dedup-against-cut: dedup clean-jsonl --decontamination.against raw/tests
  --decontamination.action cut --decontamination.ngram 8
dedup-against-report: dedup clean-jsonl clean-html --decontamination.against raw/tests/planted.jsonl
  --decontamination.against raw/tests/arc.jsonl --decontamination.action report
dedup-longest: dedup clean-jsonl --keep.rule longest
dedup-largest: dedup clean-jsonl --keep.rule largest --keep.field metadata.score
dedup-sources: dedup clean-jsonl --keep.sources library --keep.rule smallest
  --keep.field metadata.date
dedup-crawl-1: dedup clean-jsonl --index index
dedup-crawl-2: dedup clean-jsonl-b clean-books --index index
"""

TOKENIZERS = """
tokenizer: train-tokenizer dedup-python --vocab-size 1500 --workers 2
tokenizer-bpe: train-tokenizer dedup-near --vocab-size 900 --pre-tokenizer gpt2 --digits single
  --sample-bytes 100000 --seed 5 --compare tokenizer
tokenizer-wordpiece: train-tokenizer dedup-near --algorithm wordpiece --vocab-size 800
  --normalize.lowercase --normalize.strip-accents --sentinels 20
tokenizer-unigram: train-tokenizer dedup-near --algorithm unigram --vocab-size 700
tokenizer-metaspace: train-tokenizer dedup-near --algorithm unigram --vocab-size 700
  --pre-tokenizer metaspace --normalize.unicode nfkc
tokenizer-word: train-tokenizer dedup-near --algorithm word --vocab-size 2000
tokenizer-character: train-tokenizer dedup-near --algorithm character --vocab-size 1000
tokenizer-byte: train-tokenizer dedup-near --algorithm byte --vocab-size 1000 --sentinels 8
tokenizer-from: train-tokenizer dedup-exact --from tokenizer-wordpiece --add-missing
"""

PACK = """
packed: pack dedup-python --tokenizer tokenizer --sequence-length 128 --validation 0.1
packed-books: pack dedup-near --tokenizer tokenizer --sequence-length 128 --validation 0.2 --seed 4
  --shard-bytes 50000 --workers 2
packed-best-fit: pack packed --sequence-length 96 --packing best-fit
packed-document: pack dedup-label --tokenizer tokenizer-unigram --sequence-length 64
  --packing document --validation 0.15 --no-bos
packed-folder: pack dedup-exact --tokenizer tokenizer-wordpiece --validation dedup-python
  --packing best-fit --no-eos --limits.odd-fraction 0.9 --limits.unknown-fraction 0.9
  --limits.decode-sample 0.5 --limits.max-entropy none
packed-parts: pack clean-sentences --tokenizer tokenizer --sequence-length 200 --validation 0.3
packed-tokens: pack raw/tokens.bin --tokenizer tokenizer --sequence-length 64 --separator 3
  --limits.odd-fraction 1 --validation 0.1
bin: export packed
bin-plain: export packed-document --separator none
"""

PRETRAIN = """
run-clm: pretrain packed --model.preset tiny-decoder --validate-every 10
run-fim: pretrain packed-books --model.preset tiny-decoder --fim.rate 0.7 --fim.spm-rate 0.4
run-mlm: pretrain packed --model.preset tiny-encoder --objective mlm --mlm.whole-word
  --mlm.probability 0.2
run-plm: pretrain packed --model.architecture encoder --model.position transformer-xl
  --objective plm --plm.context 5 --plm.block 64 --model.layers 2 --model.hidden-size 32
  --model.heads 2 --model.norm layernorm --model.norm-position post --model.activation gelu
  --model.biases
run-t5: pretrain packed-best-fit --model.preset tiny-encoder-decoder --objective span-corruption
  --span.mean-span-length 2.5
run-bart: pretrain packed --model.preset tiny-encoder-decoder --objective span-corruption
  --span.style bart --span.noise-density 0.25
run-gpt2: pretrain packed-books --model.layers 2 --model.hidden-size 48 --model.heads 3
  --model.position learned --model.max-positions 128 --model.norm layernorm --model.biases
  --model.activation gelu-tanh --model.dropout 0.1 --optim.grad-clip 0.5 --schedule.kind wsd
  --schedule.decay-fraction 0.4 --schedule.final-lr-fraction 0.05 --keep-checkpoints 1 --seed 7
run-muon: pretrain packed-document --model.layers 2 --model.hidden-size 32 --model.heads 2
  --model.head-dim 24 --model.kv-heads 1 --model.qk-norm --no-model.tie-embeddings
  --optim.algorithm muon --micro-batch 3 --model.window 32 --model.global-every 2
run-mixture: pretrain packed packed-books --mixture.weights 0.7,0.3 --model.preset tiny-decoder
run-again: pretrain packed-books --init-from run-clm --optim.lr 1e-4
"""

USE = """
hf-clm: export run-clm
hf-gpt2: export run-gpt2
run-from-transformers: pretrain packed --init-from hf-gpt2
hf-mlm: export run-mlm
hf-plm: export run-plm
hf-t5: export run-t5
eval-packed: eval run-clm --data packed
eval-documents: eval run-clm --data dedup-near
eval-plain: eval run-clm --data raw/jsonl/second.jsonl.zst
eval-mlm: eval run-mlm --data packed-books
eval-plm: eval run-plm --data dedup-exact
eval-t5: eval run-t5 --data packed
eval-bart: eval run-bart --data packed
eval-checkpoint: eval run-clm/checkpoints/step-00000010 --data packed
generate-greedy: generate run-clm --prompt "The function returns" --max-tokens 20 --temperature 0
generate-seeded: generate run-clm --prompt "def " --max-tokens 20 --seed 5 --samples 2 --top-k 50
generate-top-p: generate run-gpt2 --prompt "Once" --max-tokens 20 --seed 6 --top-p 0.9
generate-middle: generate run-fim --prompt "The cat" --suffix " the mat." --max-tokens 8 --seed 1
generate-mask: generate run-mlm --prompt "The <mask> of the <mask>." --temperature 0
generate-spans: generate run-t5 --prompt "The <extra_id_0> of the <extra_id_1>." --max-tokens 12
generate-whole: generate run-bart --prompt "The <mask> of the house." --max-tokens 12 --seed 2
generate-orders: generate run-plm --prompt "The <mask> of the <mask>." --seed 2
inspect-rules: inspect clean-gopher --rules --limits gopher.min_words=30
inspect-text: inspect tokenizer --text "Once upon a time, in 1984"
inspect-checkpoint: inspect run-clm/checkpoints/step-00000010
"""


class Step(NamedTuple):
    """A command, and where its results are found."""

    name: str
    command: str
    arguments: tuple[str, ...]

    @property
    def needs(self) -> set[str]:
        """First folders of all arguments: those among them that a step writes must be there."""
        return {argument.split("/")[0] for argument in self.arguments}


def steps() -> list[Step]:
    """Return all steps, each after those whose folders it reads."""
    text = (CLEAN + DEDUP + TOKENIZERS + PACK + PRETRAIN + USE).replace("\n  ", " ")
    found: list[Step] = []
    for line in filter(None, text.splitlines()):
        name, _, command = line.partition(": ")
        first, *arguments = shlex.split(command)
        found.append(Step(name, first, tuple(arguments)))
    return found
