"""The modules of the page, one by one, in a browser."""

import json

import pytest
import pytest_asyncio

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]  # a browser, on a busy machine


@pytest_asyncio.fixture(loop_scope="session")
async def page(site, open_page):
    return await open_page(site.url)


async def run(page, module, code):
    return await page.evaluate(f"(async () => {{ const m = await import('/static/{module}.js'); {code} }})()")


SHOWN = {
    "count(1234567)": "1,234,567",
    "count(null)": "\N{EN DASH}",
    "brief(99999)": "99,999",
    "brief(1234567)": "1.2M",
    "short(0)": "0",
    "short(999)": "999",
    "short(999.6)": "1k",
    "short(12345)": "12.3k",
    "short(0.25)": "0.25",
    "rate(1.25)": "1.3/s",
    "rate(null)": "\N{EN DASH}",
    "bytes(0)": "0 B",
    "bytes(1023)": "1023 B",
    "bytes(1024)": "1 KiB",
    "bytes(1536)": "1.5 KiB",
    "bytes(1073741824)": "1 GiB",
    "weight(0)": "\N{EN DASH}",
    "percent(0)": "0 %",
    "percent(1)": "100 %",
    "percent(0.9996)": "100 %",
    "percent(0.975)": "97.5 %",
    "latency(0.0000531)": "53 ns",
    "latency(0.0531)": "53.1 µs",
    "latency(0.531)": "531 µs",
    "latency(12.34)": "12.3 ms",
    "latency(1500)": "1.5 s",
    "duration(null)": "for ever",
    "duration(0)": "0 s",
    "duration(1.55)": "1.6 s",
    "duration(90)": "1 min 30 s",
    "duration(300)": "5 min",
    "duration(93784)": "1 d 2 h",
    "until(null)": "never",
    "moment(null)": "\N{EN DASH}",
    "value({value_is_json: true, value: {a: [1]}})": '{\n  "a": [\n    1\n  ]\n}',
    "value({value_is_json: false, value: {type: 'set', repr: '{1}'}})": "set\n\n{1}",
}


async def test_numbers_read_well(page):
    calls = ",".join(f"[{json.dumps(call)}, m.{call}]" for call in SHOWN)
    assert dict(await run(page, "format", f"return [{calls}]")) == SHOWN


async def test_events_are_read_however_they_are_cut(page):
    code = """
        const whole = "data: one\\n\\n: still here\\n\\ndata: two\\r\\ndata:three\\r\\n\\r\\nevent: x\\n";
        const stream = whole + "data: four\\n\\ndata: cut";
        const found = new Set();
        for (let size = 1; size <= stream.length; size += 1) {
            const parser = new m.Parser();
            const data = [];
            for (let at = 0; at < stream.length; at += size) data.push(...parser.take(stream.slice(at, at + size)));
            found.add(JSON.stringify(data));
        }
        return [...found];
    """
    assert await run(page, "stream", code) == ['["one","two\\nthree","four"]']


STATISTICS = """
    const statistics = (hits, misses, more = {}) => ({
        hit_count: hits, miss_count: misses, set_count: 0, delete_count: 0, eviction_count: 0, error_count: 0,
        load_count: 0, entry_count: 1, total_size_bytes: 10, avg_access_time_ms: 0.5, ...more,
    });
"""


async def test_counters_become_rates(page):
    code = """
        const series = new m.Series();
        series.add(1000, statistics(0, 0));
        series.add(3000, statistics(10, 30));
        series.add(3000, statistics(99, 99));   // the same reading again
        series.add(4000, statistics(5, 0));     // the counters were reset
        return series.samples.map((one) => [one.time, one.hits, one.misses, one.ratio]);
    """
    assert await run(page, "history", STATISTICS + code) == [
        [1000, None, None, None],
        [3000, 5, 15, 0.25],
        [4000, 5, 0, 0.4],
    ]


async def test_only_the_last_minutes_are_kept(page):
    code = """
        const series = new m.Series();
        for (let second = 0; second < 1000; second += 1) series.add(second * 1000, statistics(second, 0));
        return [series.samples.length, series.samples[0].time, m.SPAN];
    """
    assert await run(page, "history", STATISTICS + code) == [301, 699_000, 300_000]


async def test_all_caches_together_are_their_sums(page):
    code = """
        const history = new m.History();
        const cache = (ref, at, told) => ({ ref, read_at: at, statistics: told });
        const [none, some] = [statistics(0, 0), statistics(3, 1)];
        const slow = statistics(0, 4, { avg_access_time_ms: 1.5 });
        history.add({ time: 1000, caches: [cache("a", 1000, none), cache("b", 1000, none), cache("c", 1000, null)] });
        history.add({ time: 2000, caches: [cache("a", 2000, some), cache("b", 2000, slow)] });
        const { hits, misses, entries, bytes, ratio, latency } = history.all.last;
        return [hits, misses, entries, bytes, ratio, latency, history.of("c").samples.length];
    """
    assert await run(page, "history", STATISTICS + code) == [3, 5, 2, 20, 0.375, 1.0, 0]


async def test_axes_end_at_round_numbers(page):
    code = """
        const tens = [0, 0.3, 1, 3, 7, 11, 4999].map((value) => m.ceiling(value));
        return tens.concat([300, 1025, 700000].map((value) => m.ceiling(value, 1024)));
    """
    found = await run(page, "chart", code)
    assert found == [1, pytest.approx(0.4), 1, 4, 10, 20, 5000, 512, 2048, 2**20]
