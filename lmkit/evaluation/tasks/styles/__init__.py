"""The conventions by which tasks are asked and scored. A new one is a file and a line here."""
