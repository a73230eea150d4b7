"""The whole job as a good analyst writes it in a notebook: pandas, lifetimes, scikit-learn, mlxtend.

Every step is the documented call of its library; columns that nothing needs are not read, orders are grouped once and
used twice, and offers are a sparse product instead of a join of everything that everybody owns.

What it does less than `quintile run`: one count model instead of six that compete on a holdout, no intervals, no order
probability, no residual value, no standard errors, no season; returns, cancelled orders and lines without customer are
dropped, not netted, listed or used for pairs; pairs without tests of significance; one offer a customer, by summed
confidence, without its reasons or money; no names of clusters, no share curve, no watch flags, no wholesalers, no
cost, no report, no manifest, no check of what was written; dates, numbers and columns are taken for granted. All lines
are in memory, in full width.
"""

import warnings

import mlxtend.frequent_patterns
import numpy as np
import pandas as pd
import scipy.sparse
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.utils import summary_data_from_transaction_data
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

COLUMNS = ["order_id", "customer_id", "ordered_at", "product_id", "quantity", "unit_price"]


def run(file, out, step, options):
    warnings.simplefilter("ignore")
    with step("read"):
        lines = pd.read_parquet(file, columns=COLUMNS)
    with step("clean"):
        lines = lines.dropna(subset=["customer_id"]).drop_duplicates()
        sales = (0 < lines["quantity"]) & (0 < lines["unit_price"]) & ~lines["order_id"].str.startswith("C")
        lines = lines[sales].copy()
        lines["amount"] = (lines["quantity"] * lines["unit_price"]).round(2)
    with step("customers"):
        orders = lines.groupby(["customer_id", "order_id"], sort=False, as_index=False)
        orders = orders.agg(ordered_at=("ordered_at", "min"), amount=("amount", "sum"))
        orders["day"] = orders["ordered_at"].dt.normalize()
        as_of = orders["day"].max()
        customers = orders.groupby("customer_id").agg(
            first_order_date=("day", "min"),
            last_order_date=("day", "max"),
            orders=("order_id", "size"),
            net_amount=("amount", "sum"),
        )
        owned = lines[["customer_id", "product_id"]].drop_duplicates()
        customers["products"] = owned.groupby("customer_id").size()
        customers["days_since_last"] = (as_of - customers["last_order_date"]).dt.days
    with step("rfm"):
        customers["r_score"] = quintile(-customers["days_since_last"])
        customers["f_score"] = quintile(customers["orders"])
        customers["m_score"] = quintile(customers["net_amount"].round(2))
        r, f = customers["r_score"], customers["f_score"]
        of_segment = [r.between(*r_range) & f.between(*f_range) for _, r_range, f_range in options["segments"]]
        customers["segment"] = np.select(of_segment, [name for name, _, _ in options["segments"]], default="")
    with step("lifetime value"):
        history = summary_data_from_transaction_data(
            orders, "customer_id", "ordered_at", monetary_value_col="amount", observation_period_end=as_of
        )
        x, t_x, age = history["frequency"], history["recency"], history["T"]
        counts = BetaGeoFitter().fit(x, t_x, age)
        repeat = history[(0 < x) & (0 < history["monetary_value"])]
        spend = GammaGammaFitter().fit(repeat["frequency"], repeat["monetary_value"])
        history["alive_prob"] = counts.conditional_probability_alive(x, t_x, age)
        history["expected_orders"] = counts.conditional_expected_number_of_purchases_up_to_time(
            options["horizon_days"], x, t_x, age
        )
        money = history["monetary_value"]
        history["expected_order_amount"] = spend.conditional_expected_average_profit(x, money)
        history["clv_amount"] = spend.customer_lifetime_value(
            counts, x, t_x, age, money, time=options["months"], discount_rate=options["monthly_rate"], freq="D"
        )
        history = history.rename(columns={"frequency": "repeat_days", "recency": "t_x_days", "T": "age_days"})
        customers = customers.join(history.drop(columns="monetary_value"))
    with step("clusters"):
        features = np.log1p(customers[["days_since_last", "orders", "net_amount"]].clip(lower=0))
        features = StandardScaler().fit_transform(features)
        best = -1.0
        for k in range(3, 9):
            model = KMeans(k, n_init=10, random_state=1).fit(features)
            score = silhouette_score(features, model.labels_, sample_size=2000, random_state=1)
            if best < score:
                best, customers["cluster"] = score, model.labels_
    with step("contributors"):
        customers = customers.sort_values(["net_amount"], ascending=False, kind="stable")
        customers["contribution_rank"] = np.arange(1, len(customers) + 1)
        customers["contribution_cum_share"] = customers["net_amount"].cumsum() / customers["net_amount"].sum()
        customers["is_top_contributor"] = customers["contribution_rank"] <= np.ceil(0.2 * len(customers))
        top_share = customers.loc[customers["is_top_contributor"], "net_amount"].sum() / customers["net_amount"].sum()
    with step("pairs"):
        basket, n_baskets = codes(lines["order_id"])
        product, products = codes(lines["product_id"], names=True)
        ones = np.ones(len(lines), dtype=bool)
        one_hot = scipy.sparse.csr_matrix((ones, (basket, product)), shape=(n_baskets, len(products)))
        one_hot.sum_duplicates()
        one_hot.data[:] = True
        one_hot = pd.DataFrame.sparse.from_spmatrix(one_hot, columns=products)
        min_count = options["min_count"](n_baskets)
        # Half a basket less, so that rounding decides nothing.
        sets = mlxtend.frequent_patterns.fpgrowth(
            one_hot, min_support=(min_count - 0.5) / n_baskets, use_colnames=True, max_len=2
        )
        rules = mlxtend.frequent_patterns.association_rules(
            sets, num_itemsets=n_baskets, metric="lift", min_threshold=0
        )
        for side, name in [("antecedents", "product_a"), ("consequents", "product_b")]:
            rules[name] = [next(iter(one)) for one in rules.pop(side)]
        rules["n_ab"] = (rules["support"] * n_baskets).round().astype(np.int64)
        pairs = rules[rules["product_a"] < rules["product_b"]].sort_values(["product_a", "product_b"])
    with step("next product"):
        offers = rules[options["min_lift"] <= rules["lift"]]
        place = pd.Series(np.arange(len(products)), index=products)
        links = (place[offers["product_a"]].to_numpy(), place[offers["product_b"]].to_numpy())
        links = scipy.sparse.csr_matrix((offers["confidence"], links), shape=(len(products), len(products)))
        customer, names = codes(owned["customer_id"], names=True)
        has = (np.ones(len(owned)), (customer, place[owned["product_id"]].to_numpy()))
        has = scipy.sparse.csr_matrix(has, shape=(len(names), len(products)))
        following, score = [], []
        for first in range(0, len(names), 10_000):
            of_some = has[first : first + 10_000]
            scores = (of_some @ links).toarray()
            scores[of_some.nonzero()] = 0
            following.append(scores.argmax(axis=1))
            score.append(scores.max(axis=1))
        following, score = np.concatenate(following), np.concatenate(score)
        following = pd.DataFrame({"next_product_id": products[following], "next_product_score": score}, index=names)
        customers = customers.join(following.where(0 < following["next_product_score"]))
    with step("write"):
        customers.sort_index().reset_index().to_parquet(out / "customers.parquet", compression="zstd", index=False)
        pairs.to_parquet(out / "pairs.parquet", compression="zstd", index=False)
    return {
        "lines": len(lines),
        "orders": len(orders),
        "customers": len(customers),
        "net_amount": float(customers["net_amount"].sum()),
        "top_20_share": float(top_share),
        "baskets": n_baskets,
        "pairs": len(pairs),
        "bg_nbd": {key: float(counts.params_[key]) for key in ["r", "alpha", "a", "b"]},
        "gamma_gamma": {key: float(spend.params_[of]) for key, of in [("p", "p"), ("q", "q"), ("gamma", "v")]},
    }


def quintile(values):
    """1 to 5, 5 for the largest; equal values get equal scores."""
    return np.ceil(5 * values.rank() / len(values)).astype(np.uint8)


def codes(values, names=False):
    found, of = pd.factorize(values)
    return found, (of if names else len(of))
