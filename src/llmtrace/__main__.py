"""`python -m llmtrace` is the command line, also where its script is not on the path."""

from llmtrace.cli import app

if __name__ == "__main__":
    app(prog_name="llmtrace")
