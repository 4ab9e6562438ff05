"""How many tokens a second a CPU can train on at most, from the rate of its matrix products and those that LoRA training needs."""

import time

import torch

ROWS, TIMES = 1024, 8


def gemm_rate(width: int, out: int) -> float:
    """Return the best rate of float32 products x Wᵀ with x (ROWS, width) and W (out, width), in FLOP per second."""
    x, weight = torch.randn(ROWS, width), torch.randn(out, width)
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        torch.mm(x, weight.t())
        seconds.append(time.perf_counter() - started)
    return 2 * ROWS * width * out / min(seconds)


def flop_per_token(config: dict[str, int], rank: int, answer_share: float) -> float:
    """Return the FLOP of the products of one token: forward, and backward to the inputs and to the adapter, not to frozen weights.

    The output layer counts for answer tokens only. Attention scores are left out; they are 1 % at 100 tokens.
    """
    width, middle = config["hidden_size"], config["intermediate_size"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    queries = config["num_attention_heads"] * config["head_dim"]
    shapes = [(width, queries), (width, keys), (width, keys), (queries, width), *[(width, middle)] * 3]
    frozen = config["num_hidden_layers"] * sum(into * out for into, out in shapes)
    adapter = config["num_hidden_layers"] * rank * sum(into + out for into, out in shapes)
    return 4 * frozen + 6 * adapter + 4 * answer_share * config["vocab_size"] * width


def ceiling(config: dict[str, int], rank: int, answer_share: float) -> dict[str, float]:
    """Return the measured rate in GFLOP/s, and tokens per second if nothing but the products took time."""
    rate = gemm_rate(config["hidden_size"], config["intermediate_size"])
    return {"gemm_gflop_per_second": rate / 1e9, "tokens_per_second": rate / flop_per_token(config, rank, answer_share)}
