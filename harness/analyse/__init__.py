"""From stored runs to numbers and doubts. Computed on reading, never stored."""
