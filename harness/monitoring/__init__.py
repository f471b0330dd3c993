"""A campaign and served models as Prometheus sees them: what is exported, and the files that a
person would write by hand: scrape configuration, rules, dashboards."""
