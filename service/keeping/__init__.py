"""What leaves or keeps a home: export, copies between stores, backup, garbage."""
