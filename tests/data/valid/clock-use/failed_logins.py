import datetime as dt
import time
from datetime import datetime, timedelta
from datetime import date as day


def rule(event):
    return time.time() > 0 and dt.datetime.utcnow() and datetime.now() and day.today() and timedelta(1)
