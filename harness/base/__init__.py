"""What every other part stands on: files and folders, errors, secrets."""
