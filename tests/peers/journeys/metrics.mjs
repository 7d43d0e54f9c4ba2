// Prometheus scrapes the daemon's own metrics; its promtool checks them and the alert rules, and the dashboard's queries
// are asked.
import fs from 'node:fs';
import path from 'node:path';
import { atSandbox, check, checkLog, freePort, journey, PEERS, request, until } from '../world.mjs';

const EXAMPLES = path.join(PEERS, '../../examples');
const RULES = path.join(EXAMPLES, 'prometheus-rules.yml');
const ACCOUNTS = ['work', 'spare'];

/** A test of the alert rules for `promtool test rules`: which account's alert fires, and after how long. */
const RULE_TEST = `rule_files: ["${RULES}"]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'ringback_account_health{instance="here",account="work",health="needs_user"}', values: "0x4 1x20"}
      - {series: 'ringback_account_health{instance="here",account="work",health="usable"}', values: "1x4 0x20"}
      - {series: 'ringback_account_health{instance="here",account="spare",health="recovering"}', values: "1x20"}
    alert_rule_test:
      - {eval_time: 8m, alertname: RingbackNeedsAttention, exp_alerts: []}
      - eval_time: 11m
        alertname: RingbackNeedsAttention
        exp_alerts: [{exp_labels: {severity: warning, instance: here, account: work}, exp_annotations: {
          summary: "ringback: the account work has no valid token, and somebody has to act",
          description: "Run \`ringback status work\` on here: it says what to do."}}]
      - {eval_time: 9m, alertname: RingbackNoToken, exp_alerts: []}
      - eval_time: 11m
        alertname: RingbackNoToken
        exp_alerts: [{exp_labels: {severity: warning, instance: here, account: spare, health: recovering}, exp_annotations: {
          summary: "ringback: the account spare has had no valid token for ten minutes",
          description: "The provider does not answer, or answers with errors. \`ringback status spare\` on here says which."}}]
`;

/** The queries of the dashboard, with what Grafana puts in place of its variables. */
function queries() {
  const dashboard = JSON.parse(fs.readFileSync(path.join(EXAMPLES, 'grafana-dashboard.json'), 'utf8'));
  const targets = dashboard.panels.flatMap((panel) => panel.targets.map((target) => [panel.title, target.expr]));
  return targets.map(([title, expr]) => [title, expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '10s')]);
}

await journey('Prometheus scrapes the metrics, and knows the alerts and every query of the dashboard', async (world) => {
  // Nothing is there: a request through the proxy fails, and is counted.
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const accounts = (account) => ACCOUNTS.map((name) => account(name, `proxy = { upstream = "${nowhere}" }`)).join('');
  const { daemon } = await atSandbox(world, { flags: ['--rate-limit', 'off'], preferred: 'work', accounts });
  await world.loginByForm('work');
  const added = await world.ringback(['app', 'add', 'prometheus', '--all-accounts']);
  check(added.code === 0, `ringback app add: ${added.err}`);
  const key = added.out.trim();
  const scraped = async () => (await request(`${daemon.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })).text;

  const forwarded = await request(`${daemon.url}/proxy/work/x`, { headers: { authorization: `Bearer ${key}` } });
  check(forwarded.status === 502, `a request through the proxy: ${forwarded.status} ${forwarded.text}`);
  const counted = 'ringback_proxy_requests_total{account="work",app="prometheus",result="failed"} 1';
  check((await scraped()).includes(`${counted}\n`), `${counted} is not in the metrics`);

  const promtool = async (args, input) => {
    const done = await world.run('promtool', args, { input });
    check(done.code === 0, `promtool ${args.join(' ')}: exit ${done.code}: ${done.out} ${done.err}`);
    return `${done.out}${done.err}`.trim();
  };
  const complaints = await promtool(['check', 'metrics'], await scraped());
  check(complaints === '', `promtool check metrics: ${complaints}`);
  await promtool(['check', 'rules', RULES]);
  await promtool(['test', 'rules', world.file('rules-test.yml', RULE_TEST)]);

  const config = world.file('prometheus.yml', `global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
  evaluation_interval: 500ms
rule_files: ["${RULES}"]
scrape_configs:
  - job_name: ringback
    authorization:
      credentials_file: ${world.file('prometheus.key', key)}
    static_configs:
      - targets: ["${new URL(daemon.url).host}"]
`);
  await promtool(['check', 'config', config]);
  const own = await freePort();
  const prometheus = world.start('prometheus', [
    `--config.file=${config}`, `--storage.tsdb.path=${path.join(world.dir, 'tsdb')}`, `--web.listen-address=127.0.0.1:${own}`,
  ]);
  const api = async (what) => {
    check(prometheus.code === undefined, `prometheus ended with ${prometheus.code}: ${prometheus.err.slice(-500)}`);
    const reply = await request(`http://127.0.0.1:${own}/api/v1/${what}`).catch(() => undefined);
    return reply?.status === 503 || !reply ? undefined : reply.json();
  };
  const ask = async (query) => {
    const reply = await api(`query?query=${encodeURIComponent(query)}`);
    check(!reply || reply.status === 'success', `${query}: ${JSON.stringify(reply)}`);
    return reply?.data.result ?? [];
  };
  const state = 'ringback_account_state{account="work",state="active"}';
  await until('the first scrape', 30_000, async () => (await ask(state))[0]?.value[1] === '1');
  check((await ask('up{job="ringback"}'))[0]?.value[1] === '1', 'the target is not up');

  const refreshed = await world.ringback(['refresh', 'work']);
  check(refreshed.code === 0, `ringback refresh: ${refreshed.err}`);
  await until('a refresh', 10_000, async () => (await ask('ringback_refreshes_total{account="work",result="ok"}'))[0]?.value[1] === '1');
  for (const [title, query] of queries()) {
    await until(`the panel "${title}" has something to show: ${query}`, 20_000, async () => (await ask(query)).length > 0);
  }

  // The account without a login is on its way to an alert.
  const rules = (await api('rules')).data.groups.flatMap((group) => group.rules);
  check(rules.length === 2 && rules.every((rule) => rule.health === 'ok'), `rules: ${JSON.stringify(rules)}`);
  const pending = async () => (await api('alerts')).data.alerts.filter((alert) => alert.state === 'pending').map((alert) => alert.labels.account);
  await until('an alert', 10_000, async () => (await pending()).includes('spare'));
  check(!(await pending()).includes('work'), 'there is an alert for an account that works');
  const described = (await api('metadata')).data;
  const nameless = [...(await scraped()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].filter(([, name, type]) => described[name]?.[0].type !== type || !described[name][0].help);
  check(nameless.length === 0, `without type and help: ${nameless}`);

  // An account that is gone from the config is gone from the metrics.
  const file = path.join(world.dir, 'config/ringback/config.toml');
  const text = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, text.slice(0, text.indexOf('[accounts.spare]')));
  daemon.child.kill('SIGHUP');
  await until('the account is gone', 10_000, async () => (await ask('ringback_account_state{account="spare"}')).length === 0);
  check((await ask(state)).length === 1, 'the other account is gone, too');
  checkLog(daemon, [key]);
});
