"""Writes the files of an encoder's repo: a tiny BERT with random weights, and a word-piece tokenizer of the tiny world's words."""

from pathlib import Path

from tests.tiny_world import row

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,'&<>"


def save_encoder(folder: Path) -> None:
    """Write model and tokenizer to a folder."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    texts = " ".join(row(n)["title"] + " " + row(n)["output"] for n in range(0, 512, 9)).lower().split()
    pieces = [piece for letter in LETTERS for piece in (letter, f"##{letter}")]
    words = list(
        dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted({word.strip(".,'") for word in texts}), *pieces])
    )
    ids = {word: index for index, word in enumerate(words)}
    backend = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
