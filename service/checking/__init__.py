"""`ilk check`: what a shop's files hold, before anything is loaded."""
