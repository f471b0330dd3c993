from job_start import start

start(web="async_app:app", worker="async_worker.py")
