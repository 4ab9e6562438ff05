"""The embedded Hub: the Hub's HTTP protocol on loopback, on top of plain git repositories.

From the outside in:

    server          start, stop, serve: finds or makes the process that serves a root (standard library only)
    serving, app    uvicorn and the routes;  connections: how many, and how long a silent one stays
    request_body    who may send how much, how fast;  host_check: to which names the Hub answers
    api_*           the JSON API by subject: repos, tree, commit, refs, discussions, access, accounts, listing, …
    resolve         files, with ranges;  git_http: `git clone`;  lfs_routes, lfs_cleanup: large files
    xet_routes      uploads of clients that have hf_xet
    call            one request: who asks, for which repo, with what right
    pages           what a browser sees;  bounded: work on strangers' files, in a process with limits

    store           all repos of a root
    repository      one repo: reading it, and the one way to write a commit;  history, discussions, pull_requests
    reachable       what refs lead to: only that is given out;  copy_history: only that is copied
    git_objects     git's objects, refs, tree_edit, lfs_objects: what a repo consists of
    durable         writing files that survive a kill;  repo_lock: nothing is written where a repo was
    untrusted_data  the one way in for JSON and YAML;  card_metadata, collection, safetensors_header: what it is used for
    hub_check       `hub check`;  repo_check: one repo;  set_aside: moving damage away;  damaged_info: how lists show it
    names           which ids, paths and branches are allowed;  hub_errors: what is refused, and how clients see it
"""
