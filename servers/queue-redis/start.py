from job_start import start

start()
