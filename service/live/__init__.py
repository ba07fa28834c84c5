"""The live path: the updater folds events in, workers follow its fresh rows."""
