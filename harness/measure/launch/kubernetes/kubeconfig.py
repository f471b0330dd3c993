"""Which cluster a context of the user's kubeconfig names."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from harness.base import paths
from harness.base.errors import HarnessError
from harness.measure.launch.kubernetes.cluster import Cluster, innermost

EXTRA = "pip install 'serving-harness[kubernetes]'"
_CONFIG = Path(".kube") / "config"


class NoCluster(HarnessError):
    """No cluster can be used, and why."""


def connect(context: str = "") -> Cluster:
    """The cluster of a context of the kubeconfig; empty: of the current one. Raises NoCluster."""
    if find_spec("kubernetes") is None:
        raise NoCluster(f"the official Kubernetes client is not installed: {EXTRA}")
    place = config_files()
    if not place:
        raise NoCluster(
            "there is no kubeconfig: let KUBECONFIG name one, or make a cluster on this machine, "
            "with kind for instance"
        )
    from kubernetes import config
    from kubernetes.config.config_exception import ConfigException
    from yaml import YAMLError

    files = os.pathsep.join(map(str, place))
    try:
        contexts, current = config.list_kube_config_contexts(files)
        name = context or str((current or {}).get("name", ""))
        known = [str(each["name"]) for each in contexts]
        if name not in known:
            raise NoCluster(
                f"the kubeconfig has no context {name!r}; it has: {', '.join(known) or 'none'}"
            )
        client = config.new_client_from_config(files, name, persist_config=False)
    except (ConfigException, YAMLError, OSError, ValueError, TypeError, KeyError) as error:
        raise NoCluster(f"the kubeconfig {files} can't be used: {innermost(error)}") from error
    return Cluster(client, name)


def config_files() -> list[Path]:
    """The files that KUBECONFIG lists, else the usual one, as far as they are there."""
    if named := paths.variable("KUBECONFIG"):
        places = [Path(each) for each in named.split(os.pathsep) if each]
    else:
        try:
            places = [Path.home() / _CONFIG]
        except RuntimeError:
            return []
    return [place for place in places if place.is_file()]
