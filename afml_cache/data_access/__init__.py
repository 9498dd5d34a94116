"""Which dates of which data set were touched, for what, and by whom."""
