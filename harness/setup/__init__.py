"""The things that can be measured, as files and options describe them."""
