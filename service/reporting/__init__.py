"""What a refresh tells of itself: audits, the history of releases, the report and its page."""
