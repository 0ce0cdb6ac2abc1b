"""RFM as somebody would write it in an evening: read the whole table with pandas, group, cut into quintiles.

python rfm_pandas.py DATABASE DATE
"""

import json
import sqlite3
import sys

import pandas as pd

TABLE = {
    5: ["new_customers", "potential_loyalists", "potential_loyalists", "champions", "champions"],
    4: ["promising", "potential_loyalists", "potential_loyalists", "loyal_customers", "loyal_customers"],
    3: ["about_to_sleep", "about_to_sleep", "need_attention", "loyal_customers", "loyal_customers"],
    2: ["hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose_them"],
    1: ["hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose_them"],
}
CLASSES = pd.Series({(r, f + 1): name for r, names in TABLE.items() for f, name in enumerate(names)})


def score(values: pd.Series) -> pd.Series:
    cuts = values.quantile([0.2, 0.4, 0.6, 0.8])
    return 1 + sum((values > cut).astype(int) for cut in cuts)


def main(database: str, day: str) -> None:
    db = sqlite3.connect(database)
    orders = pd.read_sql("select * from orders", db)
    refunds = pd.read_sql("select * from refunds", db)
    end = (pd.Timestamp(day) + pd.Timedelta(days=1)).tz_localize("Europe/Vienna")
    orders["placed"] = pd.to_datetime(orders["placed_at"], unit="ms", utc=True).dt.tz_convert("Europe/Vienna")
    orders = orders[orders["status"].isin(["open", "paid"]) & (orders["placed"] < end)]
    refunds = refunds[pd.to_datetime(refunds["refunded_at"], unit="ms", utc=True) < end]
    refunded = refunds.groupby("order_id")["amount_minor"].sum()
    orders["net"] = orders["total_minor"] - orders["id"].map(refunded).fillna(0)
    people = orders.groupby("contact_id").agg(
        last=("placed", "max"), frequency=("id", "count"), monetary=("net", "sum")
    )
    people["recency"] = (pd.Timestamp(day) - people["last"].dt.tz_localize(None).dt.normalize()).dt.days
    people["r"] = 6 - score(people["recency"])
    people["f"] = score(people["frequency"])
    people["m"] = score(people["monetary"])
    people["class"] = CLASSES.loc[list(zip(people["r"], people["f"], strict=True))].to_numpy()
    report = people.groupby("class").agg(
        contacts=("recency", "size"),
        orders=("frequency", "sum"),
        revenue=("monetary", "sum"),
        days=("recency", "median"),
    )
    rows = [
        {
            "class": name,
            "contacts": int(report["contacts"].get(name, 0)),
            "orders": int(report["orders"].get(name, 0)),
            "revenue": f"{report['revenue'].get(name, 0) / 100:.2f}",
        }
        for name in CLASSES.unique()
    ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
