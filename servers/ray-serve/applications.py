"""The deployments of app.py as applications, for a Ray cluster that is up already: a RayService
names one of these."""

from app import Batched, Ingress, Plain

plain = Plain.bind()
ingress = Ingress.bind()
batched = Batched.bind()
