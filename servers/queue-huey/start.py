from job_start import start

start(broker=False)
