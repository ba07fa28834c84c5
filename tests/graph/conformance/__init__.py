"""What every graph store must do, whatever holds its data."""
