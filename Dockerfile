# The image of all Airflow services: this package, its DAG files and plugin, and what requirements/deploy.txt locks.
#
# The base is a plain Python and not apache/airflow: that image brings a hundred providers under constraints of its own,
# so that what runs would not be what was tested. Here every package is the one of the lock, by hash, as in the tests.
# Python 3.11 is what the tests run on.
#
# To pin the base to its bytes, put the digest that `docker buildx imagetools inspect python:3.11-slim-bookworm` prints
# behind it: python:3.11-slim-bookworm@sha256:...
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY requirements/bootstrap.txt requirements/deploy.txt requirements/lock.txt requirements/
# The developers' lock says which build tools make the few packages that have no wheel, and this one.
RUN python -m venv /bootstrap \
    && /bootstrap/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/bootstrap.txt \
    && /bootstrap/bin/uv venv --python /usr/local/bin/python /opt/venv \
    && /bootstrap/bin/uv pip sync --python /opt/venv/bin/python --require-hashes \
        --build-constraints requirements/lock.txt requirements/deploy.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /bootstrap/bin/uv pip install --python /opt/venv/bin/python --no-deps \
        --build-constraints requirements/lock.txt .

FROM ${PYTHON}
# git, and ssh for it: champions live in git repositories. DVC is in the lock. tini is process 1: it hands signals on
# and buries what tasks leave. Nothing here builds: pip goes as well.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends git openssh-client tini \
    && rm -rf /var/lib/apt/lists/* \
    && python -m pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel \
    && useradd --uid 50000 --gid 0 --home-dir /opt/airflow --no-create-home --shell /usr/sbin/nologin airflow \
    && install --directory --owner=50000 --group=0 --mode=0775 \
        /opt/airflow /opt/airflow/logs /opt/airflow/monitoring /opt/airflow/.demo
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/opt/airflow \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    DO_NOT_TRACK=1 \
    DVC_NO_ANALYTICS=1 \
    PYTHONUNBUFFERED=1
WORKDIR /opt/airflow
# Code goes with the package's version; include, which is configuration, is mounted over by docker-compose.yaml.
COPY dags dags
COPY plugins plugins
COPY include include
COPY demo demo
COPY deploy deploy
# A volume that is made from these folders takes their owner. By number: Kubernetes' runAsNonRoot wants one.
USER 50000:0
ENTRYPOINT ["tini", "--"]
CMD ["airflow", "version"]
