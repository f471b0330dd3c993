"""The page of a campaign: its sections, and the words that they share."""
