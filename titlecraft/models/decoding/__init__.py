"""Generating answers: one decoder for evaluation, ask, play and serve.

    decoder = open_decoder(loaded, rows=8)                      # titlecraft.models.decoding.open
    decoder.answers([Request(ids, 256, arm="base"), …])         # evaluation: all answers, in order
    SharedDecoder(decoder).stream(Request(ids, 256, seed=3))    # ask, play, serve: tokens as they come, from any thread

`request.py` says what is asked, `decoder.py` what a decoder does. A request names its arm, so requests of the base and of
the tuned model share one loaded model and one batch. `static.py` is the fast decoder, for families whose attention it
knows; `plain.py` runs every other family by transformers. Both give the answers of transformers' generate() in float32.
"""
