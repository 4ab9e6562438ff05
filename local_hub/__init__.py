"""A Hugging Face Hub on this machine: the Hub's HTTP protocol on loopback, over plain git repositories. See README.md.

From the outside in:

    server             start, stop, status: the process that serves a root folder (standard library only)
    serving            serving a root in this process;  root_folder: its files and its lock;  accounts: users and tokens
    app                all routes as one ASGI application;  uvicorn_server, connections: running it, limits of connections
    requests/          one request: body limits, host check, `Call` (the caller, the repo, the rights), answers
    api/               the JSON API, one file per part of `/api/…`
    transfer/          file downloads, git over HTTP, LFS, Xet uploads
    pages/             the web pages
    community/         discussions, pull requests, collections, output of jobs as they are stored

    repos/             the store of all repos; one repo: reading, the commit, settings, history, API fields
    git/               git objects, refs, trees, LFS pointers;  reachable: what the refs lead to
    disk/              files that survive a kill or a power cut;  set_aside: moving damaged files away
    untrusted/         JSON, YAML and file headers that others wrote, read within bounds; work in a limited process
    check/             `python -m local_hub check`
    names, errors      allowed ids, paths and branch names; refusals and their HTTP status
"""
