"""What of a call's content may be recorded, and in which form: facts go in, facts come out."""
