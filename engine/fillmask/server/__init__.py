"""`fillmask serve`: the fill-mask API of Hugging Face over HTTP. Needs the extra ``fillmask[server]``."""
