"""What the tests of the pages know about their people."""

PASSWORD = "correct horse 1"
