"""`fillmask serve`: the fill-mask API of Hugging Face over HTTP. Needs the extra ``fillmask[server]``.

The modules in the order in which a request passes them:

    protocol      bytes → headers → body, with deadlines for slow clients
    middleware    around each request: context (id, log fields), log line, metrics, span, errors → responses
    guard         auth (API keys), draining, overload: decided from the headers alone
    app, routes   path → handler; the OpenAPI description
    handler       one fill-mask request: receive, admit, submit, wait, shape, time
      request     body → a checked ``FillMaskRequest``, by the types of schema
      registry    model name → ``ServedModel``
      admission   permits, weighed in tokens, before any work
      scheduler   which job runs next, on one thread a CPU; job: one text and its result
      worker      a batch of jobs: tokenize, run, decode; notices: the engine's warnings
      gather      waits for all results, the deadline or a disconnect
      ndjson      one line a text instead (streaming)
    http_errors   status, ``error_type`` and message of each failure

Around them: cli → settings → lifecycle (build, serve, drain); logs, metrics, tracing, pages.
"""
