# The demo on a CPU:      docker build -t titlecraft . && docker run --rm titlecraft
# Training on a GPU:      docker build -t titlecraft --build-arg TORCH=cuda --build-arg EXTRA=[gpu] .
#                         docker run --gpus all -v "$PWD:/work" -e HF_TOKEN titlecraft build products.csv --repo YOU/products
FROM python:3.11-slim
ARG TORCH=cpu
ARG EXTRA=
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev git && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN if [ "$TORCH" = cpu ]; then pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu; fi \
 && pip install --no-cache-dir -c /src/requirements.lock "/src$EXTRA" \
 && rm -rf /src \
 && useradd --create-home titlecraft && mkdir /work && chown titlecraft /work
USER titlecraft
WORKDIR /work
ENTRYPOINT ["titlecraft"]
CMD ["demo"]
