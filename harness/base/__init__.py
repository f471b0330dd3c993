"""The foundation of all other parts: files and folders, errors, secrets."""
