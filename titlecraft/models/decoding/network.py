"""The forward pass of Llama-like models over a static KV cache: prefill of prompts, then one token for each row.

Prompts may differ in length: each row has its own position and attends to the cache up to it. Prompts are padded on the right,
so the causal mask alone excludes the padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from titlecraft.models.attention.document import attend_varlen
from titlecraft.models.decoding.products import Products, Use
from titlecraft.models.layers import causal_of, decoder_of


@dataclass(frozen=True)
class Layer:
    """A decoder layer: its products and norms. `tables`: cosine and sine of its rotation, [positions, head size] each."""

    qkv: Products
    out: Products
    gate_up: Products
    down: Products
    norm: Any
    norm_mlp: Any
    q_norm: Any
    k_norm: Any
    tables: tuple[Tensor, Tensor]


class Cache:
    """Keys and values of all rows, [layers, rows, key heads, columns, head size] each."""

    def __init__(self, network: "Network", rows: int, columns: int) -> None:
        shape = (len(network.layers), rows, network.groups, columns, network.size)
        self.k, self.v = (torch.zeros(shape, dtype=network.dtype, device=network.device) for _ in range(2))

    @property
    def columns(self) -> int:
        """Number of tokens that a row has room for."""
        return self.k.shape[3]

    def take(self, other: "Cache") -> None:
        """Copy the rows of a smaller cache."""
        for mine, theirs in ((self.k, other.k), (self.v, other.v)):
            mine[:, : theirs.shape[1], :, : theirs.shape[3]] = theirs

    def move(self, sources: Tensor, targets: Tensor) -> None:
        """Copy rows to other rows."""
        for tensor in (self.k, self.v):
            tensor[:, targets] = tensor[:, sources]


class Network:
    """The weights of a causal model of a known family, and its forward pass with the operations `ops`.

    Args:
        model: a supported model (`titlecraft.models.decoding.families.fault_of` returns None).
        positions: maximum number of tokens of prompt and answer.
        ops: `TorchOps`, or `TritonOps` on a GPU.
    """

    def __init__(self, model: Any, positions: int, ops: Any, together: bool) -> None:
        causal, decoder = causal_of(model), decoder_of(model)
        config = causal.config.get_text_config()
        self.ops, self.head = ops, causal.get_output_embeddings()
        self.embedding, self.norm = decoder.embed_tokens, decoder.norm
        self.dtype, self.device = self.embedding.weight.dtype, self.embedding.weight.device
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        first = decoder.layers[0].self_attn
        self.size, self.scale = first.head_dim, first.scaling
        self.vocabulary = self.head.weight.shape[0]
        rotation, few = rotation_tables(decoder, positions, self.embedding.weight), ops.few_rows_product
        still = None  # layers without positions, as in SmolLM3
        if not all(getattr(layer.self_attn, "use_rope", True) for layer in decoder.layers):
            still = torch.ones_like(rotation[0]), torch.zeros_like(rotation[1])
        self.layers = []
        for layer in decoder.layers:
            attention, mlp = layer.self_attn, layer.mlp
            self.layers.append(
                Layer(
                    Products([attention.q_proj, attention.k_proj, attention.v_proj], together, few),
                    Products([attention.o_proj], together, few),
                    Products([mlp.gate_proj, mlp.up_proj], together, few),
                    Products([mlp.down_proj], together, few),
                    layer.input_layernorm,
                    layer.post_attention_layernorm,
                    getattr(attention, "q_norm", None),
                    getattr(attention, "k_norm", None),
                    rotation if still is None or attention.use_rope else still,
                )
            )

    def prefill(self, ids: Tensor, lengths: Tensor, rows: Tensor, cache: Cache, use: Use) -> Tensor:
        """Return the logits [n, vocabulary] after prompts, ids [n, longest] padded on the right; fill these rows of the cache."""
        n, longest = ids.shape
        positions = torch.arange(longest, device=ids.device).repeat(n)
        if not isinstance(use, str):
            use = use.repeat_interleave(longest, 0)
        each = rows.repeat_interleave(longest)
        hidden = self.through(ids.flatten(), each, positions, cache, use, lambda qkv, _: self.attend(qkv, n, longest))
        last = torch.arange(n, device=ids.device) * longest + lengths - 1
        return self.logits(*(one[last] for one in hidden))

    def step(self, tokens: Tensor, positions: Tensor, cache: Cache, use: Use, longest: int) -> Tensor:
        """Return the logits [n, vocabulary] after one token for each of the first n rows; `longest` > all positions."""
        rows = torch.arange(len(tokens), device=tokens.device)

        def attend(qkv: Tensor, number: int) -> Tensor:
            return self.ops.attend(qkv, cache.k[number], cache.v[number], positions, longest, self.heads, self.scale)

        return self.logits(*self.through(tokens, rows, positions, cache, use, attend))

    def states(self, texts: Sequence[Sequence[int]], use: Use) -> list[Tensor]:
        """Return the last hidden states [tokens, hidden] of texts, from one packed forward pass without padding, in 16 bit."""
        lengths = [len(text) for text in texts]
        ids = torch.tensor([token for text in texts for token in text]).to(self.device)
        positions = torch.cat([torch.arange(length) for length in lengths]).to(self.device)
        borders = torch.tensor([0, *lengths]).cumsum(0).to(self.device, torch.int32)

        def attend(qkv: Tensor, _: int) -> Tensor:
            heads = [one.transpose(0, 1)[None] for one in self.split(qkv)]
            return attend_varlen(*heads, borders, max(lengths), self.scale)[0].flatten(1)  # pyright: ignore[reportCallIssue]

        with torch.no_grad():
            hidden = self.through(ids, None, positions, None, use, attend)
            return list(self.ops.add_norm(*hidden, self.norm)[0].split(lengths))

    def through(self, ids: Tensor, rows: Any, positions: Tensor, cache: Cache | None, use: Use, attend: Any) -> Any:
        """Run all layers; return the residual stream before the last addition and the summand, [tokens, hidden] each."""
        stream, change = self.embedding(ids), None
        for number, layer in enumerate(self.layers):
            normed, stream = self.ops.add_norm(stream, change, layer.norm)
            qkv = layer.qkv(normed, use)
            if layer.q_norm is not None:
                self.norm_heads(qkv, layer)
            k, v = (None, None) if cache is None else (cache.k[number], cache.v[number])
            self.ops.rotate(qkv, *layer.tables, rows, positions, k, v, self.heads)
            change = layer.out(attend(qkv, number), use)
            normed, stream = self.ops.add_norm(stream, change, layer.norm_mlp)
            change = layer.down(self.ops.silu_product(layer.gate_up(normed, use)), use)
        return stream, change

    def logits(self, stream: Tensor, change: Tensor) -> Tensor:
        """Return the logits [n, vocabulary] from the residual stream and the last summand."""
        return self.head(self.ops.add_norm(stream, change, self.norm)[0])

    def norm_heads(self, qkv: Tensor, layer: Layer) -> None:
        """Normalise queries and keys by head, in place."""
        queries, keys, _ = self.split(qkv)
        queries.copy_(layer.q_norm(queries))
        keys.copy_(layer.k_norm(keys))

    def split(self, qkv: Tensor) -> tuple[Tensor, ...]:
        """Return views of queries, keys and values, [tokens, heads, head size] each."""
        return qkv.unflatten(-1, (-1, self.size)).split([self.heads, self.groups, self.groups], 1)

    def attend(self, qkv: Tensor, n: int, longest: int) -> Tensor:
        """Return the attention [tokens, heads · head size] within n prompts of `longest` tokens."""
        q, k, v = (one.unflatten(0, (n, longest)).transpose(1, 2) for one in self.split(qkv))
        if self.device.type == "cpu":  # as transformers does it
            k, v = (one.repeat_interleave(self.heads // self.groups, 1) for one in (k, v))
        grouped = k.shape[1] != q.shape[1]
        mixed = scaled_dot_product_attention(q, k, v, is_causal=longest > 1, scale=self.scale, enable_gqa=grouped)
        return mixed.transpose(1, 2).reshape(n * longest, -1)


def rotation_tables(decoder: Any, positions: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return cosine and sine for each position, [positions, head size] each."""
    with torch.no_grad():
        cos, sin = decoder.rotary_emb(like, torch.arange(positions, device=like.device)[None])
    return cos[0].contiguous(), sin[0].contiguous()
