"""`fillmask serve`: Hugging Face's fill-mask API over HTTP. Needs the extra ``fillmask[server]``.

The way of a request:

    transport  bytes to a request, with deadlines for slow clients
    door       who may ask (auth), and whether there is room
    envelope   its id, its log line, its metrics
    receiving  the body, counted while it arrives, to a checked ``Query``
    admission  a permit, weighed in tokens, before any work is done
    scheduling which text runs next, on as many threads as there are CPUs
    answering  the answers, or one line for each as they come (streaming)
"""
