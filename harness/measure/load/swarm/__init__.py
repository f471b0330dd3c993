"""Many generator processes, on as many machines, as one: Locust's master and workers coordinate.

    harness (swarm.py) -- pipes --> Locust's master (master.py)
                                        | Locust's own messages
                            Locust's workers (locust_worker.py), one for each CPU of each machine
                                        | pipes
                            native generator processes (generator/worker.py), one for each worker

Locust patches the standard library for gevent, so it lives in processes of its own.
"""
