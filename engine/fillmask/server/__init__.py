"""`fillmask serve`: the fill-mask API of Hugging Face over HTTP. Needs the extra ``fillmask[server]``.

The modules in the order in which a request passes them:

    protocol     bytes to headers and body, with deadlines for slow clients; early rejection
    middleware   around each request: response headers, log line, metrics, span; errors become responses
    context      its id and log fields
    guard        rejects from the headers alone: API key, draining, overload
    auth         the API keys
    app          FastAPI's routes and OpenAPI description, made from routes
    routes       the table: path to JSON types and endpoint
    handler      one fill-mask request: receive, admit, submit, wait, shape, time
    registry     model name to ServedModel, and the engine's steps
    request      body to a checked FillMaskRequest
    schema       the JSON types
    admission    permits, weighed in tokens, before any work
    scheduler    the queue, and one thread for each CPU
    job          one text in the queue, and its result
    worker       a batch of jobs: check, tokenize, run, decode
    notices      the engine's warnings, for each request
    gather       waits for the results, the deadline or a disconnect
    ndjson       instead of gather: one line for each text (streaming)
    http_errors  the table of statuses and error types

Around them:

    cli          the command; settings: its flags and variables
    lifecycle    builds the server before the port opens, and drains it at the end
    logs, metrics, tracing, pages
"""
