"""Many campaigns: their summaries, series and change points."""
