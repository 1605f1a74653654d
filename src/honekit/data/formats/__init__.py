"""Every common format of training data, read into chat records and written back.

Two questions are kept apart. How a file holds rows: JSON lines, a JSON array, CSV, Excel, Parquet, Arrow, a data set's
folder, a log (`*_rows.py`, `folder.py`). What a row means: OpenAI's chat format, a provider's dialect, Alpaca, ShareGPT,
prompt and completion, columns (one module each, listed in `dialects.py`). `detect.py` answers both for a given file.
"""
