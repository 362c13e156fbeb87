"""Brings the pack to managers and agents without a shell on them.

Over the API, a caller plans, shows the plan and carries it out::

    manager = Manager(Api(url, credentials, ca=ca))
    plan = make_plan(manager, source)
    outcome = deploy(manager, plan)
"""

from wazuh_pack.deploy.api import Api, Clock
from wazuh_pack.deploy.cluster import Nodes
from wazuh_pack.deploy.credentials import Credentials, from_environment, from_file
from wazuh_pack.deploy.manager import Manager, Node
from wazuh_pack.deploy.plan import make_plan
from wazuh_pack.deploy.run import Outcome, deploy
from wazuh_pack.deploy.steps import Delete, DeployPlan, Keep, Upload, WriteConf

__all__ = [
    "Api",
    "Clock",
    "Credentials",
    "Delete",
    "DeployPlan",
    "Keep",
    "Manager",
    "Node",
    "Nodes",
    "Outcome",
    "Upload",
    "WriteConf",
    "deploy",
    "from_environment",
    "from_file",
    "make_plan",
]
