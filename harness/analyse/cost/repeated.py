"""The cost of answers that a batch job has stored, by how often each answer is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.analyse.cost.cost import MILLION, Measured, cheapest, on_instance
from harness.analyse.cost.prices import RentedMachine
from harness.analyse.field.comparison import Row

TIMES = (1, 10, 100, 1000)  # that a stored answer is given before the model is replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The batch job of a row, the median of its rounds; all zero where it has none."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    answers: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Serving, and the share of the job that falls on it."""

    times: int
    cpu_s: float | None  # of 1000 answers
    usd: float | None  # of a million answers


def job_of(row: Row) -> Batch:
    """The job that came before a row's server was ready."""
    found = {n: row.spreads.get(n) for n in ("batch_time", "batch_cpu", "stored_answers")}
    time, cpu, stored = found.values()
    if time is None or cpu is None or stored is None:
        return Batch()
    return Batch(seconds=time.median, cpu_s=cpu.median, answers=stored.median)


def of_row(known: Measured, job: Batch, machine: RentedMachine | None) -> tuple[Repeated, ...]:
    """The cost by how often each stored answer is given.

    On the machine the job takes as long as it took here, and nothing else meanwhile.
    """
    cost = on_instance(known, machine) if machine is not None else None
    usd_per_s = machine.usd_per_hour / 3600 if machine is not None else 0.0
    found = []
    for times in TIMES:
        given = times * job.answers
        cpu_s = None if known.cpu_s is None else known.cpu_s.median * 1000
        usd = None if cost is None else cost.usd.median
        if given and cpu_s is not None:
            cpu_s += 1000 * job.cpu_s / given
        if given and usd is not None:
            usd += MILLION * usd_per_s * job.seconds / given
        found.append(Repeated(times=times, cpu_s=cpu_s, usd=usd))
    return tuple(found)


def machine_for(known: Iterable[Measured], rented: Iterable[RentedMachine]) -> RentedMachine | None:
    """The machine on which all are costed: the cheapest for the first that fits on any."""
    machines = tuple(rented)
    found = (cheapest(each, machines) for each in known)
    return next((pair[0] for pair in found if pair is not None), None)
