"""Stage two: a published dataset + a base model -> a published LoRA adapter. Start reading at run.py."""
