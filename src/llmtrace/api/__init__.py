"""What an app calls: decorators for its own steps, and the context that reaches every span below."""
