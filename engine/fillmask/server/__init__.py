"""`fillmask serve`: the fill-mask API of Hugging Face over HTTP. Needs the extra ``fillmask[server]``.

The modules in the order in which a request passes them:

    inbox        received bytes, in pieces that end where a request ends; reading: whether more are received
    upgrade      requests for another protocol stay in HTTP/1.1
    protocol     bytes to headers and body, with deadlines for slow clients; early rejection (rejected_cycle)
    head_limits  the limits of path and headers, while they arrive
    half_close   whether a client that sends no more still waits
    cork         sends the head of a response with its body; send_deadline: a client must read it in time
    connections  what all of them share; idle: which one is closed for a new one
    middleware   around each request: response headers, log line, metrics, span; errors become responses
    context      its id and log fields
    browsers     what pages of other sites may do
    guard        rejects from the headers alone: API key, draining, overload
    auth         the API keys
    app          FastAPI's routes and OpenAPI description, made from routes
    routes       the table: path to JSON types and endpoint; verb_routes: its rows for verbs; route: one row
    dispatch     the path of a request to its endpoint
    handler      one request for a verb: receive, resolve, admit, submit, wait, shape, time
    service      how a verb is served: its request, its weight, its JSON; score, marginals, infill, rank, classify: the
                 same for the other verbs, zero_shot for that task of Hugging Face; masked_reads: the limit of
                 rows, and the weight of texts that are read token by token
    registry     model name to ServedModel
    request      body to a TaskRequest within its limits
    aside        the thread that parses and checks large bodies
    json_limits  how many values a body may have
    schema       the JSON types; score_schema, marginals_schema, infill_schema, rank_schema, classify_schema: those
                 of the other verbs; info_schema: those of info, models and health
    admission    permits, weighed in tokens, before any work
    scheduler    the queues, and the threads that run them
    job          one text in the queue, and its result
    worker       a batch of jobs: their tasks' reads, run together; own_run: those of one task, batch by batch
    result_limits  masks before and after tokenizing, bytes of the results; their JSON is made in the worker
    gather       waits for the results, the deadline or a disconnect
    ndjson       instead of gather: one line for each text (streaming)
    warning_header  the engine's notices, for the client
    http_errors  the table of statuses and error types

Around them:

    cli          the command; settings: its flags and variables
    lifecycle    builds the server before the port opens, and drains it at the end
    budget, timer, thread_priority, logs, log_writer, metrics, tracing, pages
"""
