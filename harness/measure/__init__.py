"""The measuring half: from a plan to stored runs. It never imports the reporting half."""
