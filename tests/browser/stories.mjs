// What people do with the page, in Chromium. BASE: LuCI's address; WORLD: where the house is asked to do things.
import { chromium } from 'playwright-core';
import { strict as assert } from 'node:assert';
import { createServer } from 'node:http';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';

const { BASE, WORLD, SHOTS, REAL } = process.env;
const AXE = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const only = process.argv.slice(2);
const sleep = ms => new Promise(done => setTimeout(done, ms));

async function world(what, device, more = {}) {
	const response = await fetch(WORLD, { method: 'POST', body: JSON.stringify({ what, device, ...more }) });
	const { answer, error } = await response.json();
	assert.equal(error, undefined, `${what}: ${error}`);
	return answer;
}

async function until(what, condition, seconds = 15) {
	for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100)) {
		const value = await condition();
		if (value) return value;
	}
	throw new Error(`after ${seconds} s it is still not so: ${what}`);
}

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
	args: [
		'--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync'
	]
});

// A house that was replayed, to be asked like leash; `shipped` with the settings that come with leash.
async function replayed(shipped = false) {
	const ask = (method, arguments_) => world('house', null, { method, arguments: arguments_ || {}, shipped });
	const first = await ask('status');
	const house = (...call) => ask(...call).then(({ answer, refused }) => answer || Promise.reject(refused[1]));
	return Object.assign(house, { now: first.now });
}

// Pages of this context have their calls to leash answered by answer(method, arguments, daemon): a list as ubus
// answers, with a status and what belongs to it; daemon() is what the daemon answers.
async function answered(context, answer) {
	await context.route(/\/ubus/, async route => {
		const body = route.request().postDataJSON(), calls = [].concat(body);
		const daemon = call => async () => {
			const response = await route.fetch({ postData: JSON.stringify(call) });
			return (await response.json()).result ?? [4];
		};
		const each = async call => {
			const [ , object, method, { ubus_rpc_session: _, ...arguments_ } = {}] = call.params ?? [];
			if (object == 'leash') {
				const result = await answer(method, arguments_, daemon(call));
				return { jsonrpc: '2.0', id: call.id, ...result.code ? { error: result } : { result } };
			}
			return (await route.fetch({ postData: JSON.stringify(call) })).json();
		};
		const json = await Promise.all(calls.map(each));
		await route.fulfill({ json: Array.isArray(body) ? json : json[0] });
	});
}

// Pages of this context see a replayed house instead of the daemon, at the hour at which it stands.
async function shows(context, house) {
	await context.clock.setFixedTime(house.now * 1000);
	await answered(context, async (method, arguments_) => [0, await house(method, arguments_)]);
}

async function login(page, user) {
	await page.fill('[name=luci_username]', user);
	await page.fill('[name=luci_password]', user == 'root' ? 'leash' : user);
	await page.keyboard.press('Enter');
}

// A page of LuCI's, logged in; fails on errors of scripts.
async function open(path, { user = 'root', house, answer, knows, ...options } = {}) {
	const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
	if (house) await shows(context, house);
	if (answer) await answered(context, answer);
	// A method that the daemon does not have yet.
	if (knows)
		await context.route(/leash\/api\.js/, async route => {
			const text = await (await route.fetch()).text(), line = `\n\t${knows}: declare('${knows}', [ 'since' ]),\n`;
			await route.fulfill({ body: text.includes(line) ? text : text.replace('extend({', 'extend({' + line) });
		});
	const page = await context.newPage();
	page.errors = [];
	page.on('pageerror', error => page.errors.push(error.message));
	// After the login LuCI goes to a page without what follows its name.
	await page.goto(`${BASE}/admin/services/leash/overview`);
	if (await page.locator('[name=luci_password]').count()) await login(page, user);
	const shown = () => page.locator('.leash h2, .cbi-map h2').first().waitFor();
	await shown();
	if (path != 'overview') {
		await page.goto(`${BASE}/admin/services/leash/${path}`);
		await shown();
	}
	return page;
}

// A picture of the page's upper part.
async function shot(page, name, height) {
	const { width } = page.viewportSize();
	if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}.png`, clip: { x: 0, y: 0, width, height } });
}

async function close(page) {
	assert.deepEqual(page.errors, [], 'scripts made errors');
	await page.context().unrouteAll({ behavior: 'ignoreErrors' });
	await page.context().close();
}

// The sentences of the replayed cases: of devices, of findings, and why something is blocked.
function expected() {
	const said = new Map(), cases = new URL('../replay/', import.meta.url);
	const walk = value => {
		if (value?.message && value.form) said.set(value.message, value);
		if (typeof value == 'object') Object.values(value ?? {}).forEach(walk);
	};
	for (const name of readdirSync(cases).filter(name => existsSync(new URL(`${name}/expected.json`, cases))))
		walk(JSON.parse(readFileSync(new URL(`${name}/expected.json`, cases))));
	assert(said.size > 100);
	return [...said.values()];
}

// Runs on the page: what it makes of sentences, whole, of parts, and up to the first reason.
async function sentencesOnPage(all) {
	const words = await L.require('leash.words');
	return all.map(sentence => ({
		whole: words.sentence(sentence),
		parts: words.parts(sentence, value => value).join(''),
		head: words.headline(sentence)
	}));
}

// What is not accessible in the page's part of what is shown, by axe's rules for WCAG 2.2 AA and good manners.
async function inaccessible(page) {
	await page.evaluate(AXE);
	// The form of the settings is LuCI's, too.
	const { violations } = await page.evaluate(() => window.axe.run({ include: ['#view'], exclude: ['.cbi-map'] }, {
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
		// Those of the frame, which is LuCI's.
		rules: { 'region': { enabled: false }, 'page-has-heading-one': { enabled: false } }
	}));
	return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
		`${id}: ${html.slice(0, 160)} ${failureSummary.split('\n')[1]}`));
}

// A device as leash describes it, with what a story says of it.
const device = (mac, name, more) => ({
	mac, name, addresses: [], mode: 'observe', first: 1e9, last: 1e9, lookups: 9, flows: 9, sent_bytes: 9000,
	received_bytes: 9000, contacts: 3, unexplained: 0, unknown: 0, blocks: 0, findings: [], verdict: 'allow',
	message: 'calls only what it looked up', form: 'calls only what it looked up', values: [], ...more
});
const finding = (detector, strength, form, ...values) =>
	({ detector, strength, form, values, message: form, evidence: {} });
// Answers with these devices in the place of the daemon's.
const devices = (all, status = {}) => async (method, _, daemon) => {
	const [code, answer] = await daemon();
	if (method == 'devices') return [0, { devices: all() }];
	return method == 'status' ? [code, { ...answer, ...status }] : [code, answer];
};
const focused = page => page.evaluate(() => {
	const node = document.activeElement;
	return node.getAttribute('aria-label') || node.textContent.trim();
});
const FIELDS = 'input[type=checkbox], input:not([type=hidden]), select';
const field = (page, name) => page.locator(`[data-name=${name}]`).locator(FIELDS).first();
const apply = page => page.locator('.cbi-button-apply').first().click();

/* Goes to a page, also while LuCI is about to reload the one before. */
async function go(page, path, tries = 3) {
	try {
		return await page.goto(`${BASE}/admin/services/leash/${path}`);
	}
	catch (error) {
		if (!tries || !/ERR_ABORTED|interrupted/.test(error.message)) throw error;
		await sleep(1000);
		return go(page, path, tries - 1);
	}
}

const allPages = mac =>
	['overview', 'inbox', `device/${encodeURIComponent(mac)}`, 'decisions', 'settings', 'alerts', 'doctor'];
const row = (page, mac) => page.locator(`tr[data-mac="${mac}"]`);
const destination = (page, address) => page.locator(`tr[data-address="${address}"]`);

const stories = {
	// The whole of it: a person sees which device calls hardcoded addresses, turns blocking on for it, sees the count
	// of what is stopped rise, and undoes it, in under a minute and four clicks.
	async 'a minute and four clicks'() {
		await world('lookup', 'bulb', { name: 'bulb.example' });
		await world('lookup', 'phone', { name: 'phone.example' });
		assert(await world('call', 'phone', { address: '45.10.1.3' }));
		assert(await world('call', 'bulb', { address: '45.10.9.9' }));
		const mac = await world('mac', 'bulb'), begin = Date.now();
		await world('order', null, { words: ['name', mac, 'hallway bulb'] });
		let clicks = 0;
		const page = await open('overview');
		const called = async () => (await row(page, mac).innerText()).includes('45.10.9.9');
		await until('the bulb is seen to call on its own', called);
		await shot(page, 'seen', 500);
		assert.match(await page.locator('.leash-headline').innerText(), /devices, .* of them calm/);
		await row(page, mac).locator('a').first().click(); clicks++;
		await page.getByRole('button', { name: 'Turn guard on' }).click(); clicks++;
		const bad = destination(page, '45.10.9.9');
		await until('it is blocked', async () => (await bad.innerText()).includes('blocked'));
		assert.equal(await world('call', 'bulb', { address: '45.10.9.9' }), false);
		await page.getByRole('link', { name: 'Decisions' }).first().click(); clicks++;
		const stopped = async () => parseInt((await bad.innerText()).match(/(\d+) packets/)?.[1] ?? 0);
		const before = await until('something was stopped', stopped);
		await world('call', 'bulb', { address: '45.10.9.9' });
		await until('the count rises', async () => await stopped() > before);
		await shot(page, 'stopped', 640);
		await bad.getByRole('button', { name: 'Undo' }).click(); clicks++;
		await until('it is gone', async () => await bad.count() == 0);
		await until('it works again', () => world('call', 'bulb', { address: '45.10.9.9' }));
		const seconds = (Date.now() - begin) / 1000;
		console.log(`     ${clicks} clicks, ${seconds.toFixed(1)} s`);
		assert(clicks <= 4 && seconds < 60);
		await close(page);
	},

	async 'the big switch'() {
		const page = await open('overview'), toggle = page.getByRole('switch');
		assert.equal(await toggle.getAttribute('aria-checked'), 'true');
		await toggle.focus();
		await page.keyboard.press('Space');
		await until('it is off', async () => await toggle.getAttribute('aria-checked') == 'false');
		assert.equal((await world('order', null, { words: ['status'] })).blocking, false);
		assert.match(await toggle.innerText(), /off/);
		await toggle.click();
		await until('it is on', async () => await toggle.getAttribute('aria-checked') == 'true');
		await close(page);
	},

	async 'a mode, and a name'() {
		const page = await open('overview'), mac = await world('mac', 'tv');
		const known = async () => (await world('order', null, { words: ['device', mac] })).device;
		await row(page, mac).locator('select').selectOption('local');
		await until('the daemon knows', async () => (await known()).mode == 'local');
		assert.equal(await world('call', 'tv', { address: '45.10.1.2' }), false);
		// Back to the mode of the house, which is observe.
		assert.equal((await known()).own_mode, true);
		await row(page, mac).locator('select').selectOption('default');
		await until('it is as the house', async () => (await known()).own_mode == null);
		assert.equal((await known()).mode, 'observe');
		const shown = () => row(page, mac).locator('select option:checked').innerText();
		await page.locator('h2').first().click();
		await until('and the page says so', async () => await shown() == 'house: observe');
		await row(page, mac).getByRole('button', { name: /Rename/ }).click();
		await page.keyboard.type("Anna's <b>television</b>");
		// Typing goes on while the page is refreshed.
		await sleep(6000);
		await page.keyboard.press('Enter');
		const named = async () => (await row(page, mac).innerText()).includes("Anna's <b>television</b>");
		await until('it has its name', named);
		assert.equal((await known()).name, "Anna's <b>television</b>");
		assert.match(await focused(page), /^Rename Anna/, 'the focus is on what began it');
		await page.keyboard.press('Enter');
		await page.keyboard.press('Escape');
		assert.match(await focused(page), /^Rename Anna/);
		await world('order', null, { words: ['name', mac, 'living-room TV'] });
		await close(page);
	},

	async 'block, allow and undo for a device'() {
		await world('lookup', 'plug', { name: 'plug.example' });
		await world('call', 'plug', { address: '45.10.7.7' });
		const mac = await world('mac', 'plug'), page = await open(`device/${encodeURIComponent(mac)}`);
		const line = destination(page, '45.10.7.7').first();
		await until('it is listed', async () => await line.count());
		assert.match(await line.innerText(), /never looked up/);
		await line.locator('select[data-act=menu]').selectOption('block-10m');
		await until('it is blocked', async () => /for another (9|10) min/.test(await line.innerText()));
		assert.equal(await world('call', 'plug', { address: '45.10.7.7' }), false);
		await line.getByRole('button', { name: 'Undo' }).click();
		await until('it is open', async () => !(await line.innerText()).includes('blocked'));
		assert(await world('call', 'plug', { address: '45.10.7.7' }));
		assert.match(await focused(page), /^Block 45.10.7.7/, 'the focus is where it was');
		await line.locator('select[data-act=menu]').selectOption('allow');
		await until('it is allowed', async () => (await line.innerText()).includes('allowed for ever'));
		// Evidence and what could fool it are a click away, and stay open.
		const found = page.locator('details').first();
		await found.locator('summary').first().click();
		await sleep(6000);
		assert(await found.locator('li').first().isVisible());
		await line.getByRole('button', { name: 'Undo' }).click();
		await until('the allowance is gone', async () => !(await line.innerText()).includes('allowed'));
		await close(page);
	},

	async 'settings are saved'() {
		const page = await open('settings');
		await field(page, 'block_for').fill('3d');
		await field(page, 'uplink').fill('40000');
		await field(page, 'rdap').setChecked(true, { force: true });
		// LuCI takes back what the page does not confirm.
		const confirmation = response => response.url().includes('/uci/confirm') && response.ok();
		const confirmed = REAL && page.waitForResponse(confirmation, { timeout: 40_000 });
		await apply(page);
		const inFile = [/block_for '?3d/, /uplink '?40000/, /rdap '?1/];
		const written = text => inFile.every(option => option.test(text));
		await until('they are in the file', async () => written(await world('settings')), 40);
		await confirmed;
		await close(page);
	},

	// Set up in a file that only root reads, and tried with a button; who may only look sees neither.
	async 'alerts are set up and tried'() {
		const heard = [];
		const server = createServer((request, response) => {
			let body = '';
			request.on('data', piece => body += piece).on('end', () => {
				heard.push({ url: request.url, body });
				response.writeHead(request.url.startsWith('/no') ? 403 : 200).end();
			});
		});
		await new Promise(done => server.listen(0, '127.0.0.1', done));
		const url = path => `http://127.0.0.1:${server.address().port}/${path}`;
		const page = await open('alerts'), said = () => page.locator('[aria-live=polite]').last();
		const modal = page.locator('#modal, #modal_overlay .modal');
		const add = async to => {
			await page.locator('.cbi-button-add').first().click();
			await modal.locator('[data-name=via] select').selectOption('webhook');
			for (const text of to) {
				await modal.locator('[data-name=to] input').fill(text);
				await modal.locator('.cbi-button-positive').click();
				await sleep(500);
				assert.equal(await modal.locator('[data-name=to]').isVisible(), text != to[to.length - 1], text);
			}
			const applied = page.waitForResponse(response => response.url().includes('/uci/'), { timeout: 40_000 });
			await apply(page);
			await applied;
			await sleep(REAL ? 8000 : 1000);
			await page.goto(`${BASE}/admin/services/leash/alerts`);
		};
		const button = page.getByRole('button', { name: 'Send a test' });
		await button.click();
		await said().getByText('There is no alert yet').waitFor();
		await add(['https://CHANGE-ME', 'no address', url('s3cr3t?"$(touch${IFS}pwned)[1-3]')]);
		await button.click();
		await said().getByText('alert 1 (webhook): sent').waitFor();
		assert.equal(decodeURIComponent(heard[0].url), '/s3cr3t?"$(touch${IFS}pwned)[1-3]');
		assert.equal(heard.length, 1);
		const { test, kind, message } = JSON.parse(heard[0].body);
		assert.deepEqual([test, kind], [true, 'block']);
		assert.match(message, /is blocked: this is a test/);
		await add([url('no')]);
		await button.click();
		await said().getByText('alert 2 (webhook): it failed: exit status: 22').waitFor();
		await said().getByText('error: 403').waitFor();
		assert(!(await said().innerText()).includes('s3cr3t'));
		assert.deepEqual(await inaccessible(page), []);
		await close(page);

		const reader = await open('alerts', { user: 'reader' });
		await reader.getByText('shown to those who may change leash').waitFor();
		assert.equal(await reader.getByRole('button', { name: 'Send a test' }).count(), 0);
		assert.equal(await reader.locator('.cbi-button-add').count(), 0);
		const refused = await reader.evaluate(async () => {
			const rpc = await L.require('rpc'), ask = (object, method, ...values) => rpc.declare({
				object, method, params: Object.keys(values[0])
			})(...Object.values(values[0])).then(answer => JSON.stringify(answer), error => error.message);
			return [
				await ask('uci', 'get', { config: 'leash-alerts' }),
				await ask('file', 'exec', { command: '/usr/sbin/leash', params: ['--json', 'notify', '--test'] })
			];
		});
		for (const answer of refused) assert.match(answer, /^6$|-32002|ccess denied/);
		await close(reader);
		server.close();
	},

	async 'the daemon stops and comes back'() {
		const page = await open('overview');
		await world('stop');
		const says = async () => (await page.getByRole('alert').first().innerText()).includes('is not running');
		await until('the page says so', says);
		await world('start');
		await until('and goes on', async () => !await page.getByRole('alert').first().isVisible());
		await close(page);
	},

	async 'a session that ends'() {
		const mac = await world('mac', 'bulb'), page = await open(`device/${encodeURIComponent(mac)}`);
		await page.context().clearCookies();
		await page.reload();
		await login(page, 'root');
		const facts = page.locator('[data-part=facts]');
		await until('the device is shown again', async () =>
			page.url().endsWith(encodeURIComponent(mac)) && (await facts.innerText()).includes(mac));
		await close(page);
	},

	async 'what a device is, and its group'() {
		const mac = await world('mac', 'bulb'), page = await open(`device/${encodeURIComponent(mac)}`);
		const kind = page.locator('[data-part=kind]'), type = page.locator('select[data-part=type]');
		await type.selectOption('light');
		await until('it is what the user says', async () => (await kind.innerText()).includes('a light, as you say'));
		await until('with its icon', async () => await kind.locator('svg.leash-icon title').textContent() == 'light');
		await page.locator('input[data-part=group]').fill('kitchen');
		await page.locator('input[data-part=group]').press('Tab');
		await until('the group is kept', async () => {
			await page.reload();
			await sleep(500);
			return await page.locator('input[data-part=group]').inputValue() == 'kitchen';
		});
		await type.selectOption('');
		await until('and what leash sees', async () => !(await kind.innerText()).includes('as you say'));
		await close(page);
	},

	async 'an error of the daemon is shown'() {
		const page = await open('device/nobody');
		const says = async () => (await page.getByRole('alert').first().innerText()).includes("called 'nobody'");
		await until('the sentence', says);
		await close(page);
	},

	async 'hostile names are text'() {
		const mac = await world('mac', 'phone');
		const names = [
			'<img/src=x/onerror=window.hacked=1>', '\'"><script>window.hacked=1</script>', 'a\u202egnp.exe',
			'x'.repeat(255), '{{7*7}}${7*7}%s%d'
		];
		for (const name of names) {
			await world('calls itself', 'phone', { name });
			await sleep(1500);
			for (const path of ['overview', 'inbox', `device/${encodeURIComponent(mac)}`, 'decisions', 'settings']) {
				const page = await open(path);
				await sleep(300);
				assert.equal(await page.evaluate(() => window.hacked), undefined, `${name} on ${path}`);
				assert.equal(await page.locator('#view :is(img, script)').count(), 0, `${name} on ${path}`);
				assert(!(await page.locator('#view').innerText()).includes('\u202e'), `${name} on ${path}`);
				await close(page);
			}
		}
		await world('calls itself', 'phone', { name: 'phone' });
	},

	async 'two hundred devices'() {
		await world('many', null, { count: 200 });
		const page = await open('overview');
		await until('they are there', async () => await page.locator('tr[data-mac]').count() >= 200);
		const session = await page.context().newCDPSession(page);
		await session.send('Performance.enable');
		const metrics = async () => (await session.send('Performance.getMetrics')).metrics;
		const script = async () => (await metrics()).find(metric => metric.name == 'TaskDuration').value;
		await sleep(1000);
		const before = await script();
		await sleep(10_500); // two refreshes
		const each = (await script() - before) / 2 * 1000;
		console.log(`     ${each.toFixed(0)} ms of work a refresh`);
		assert(each < 300);
		// Searching, sorting, and the focus stays where it is.
		await page.getByRole('searchbox').fill('02:00:00:01:00:0a');
		await until('one is left', async () => await page.locator('tr[data-mac]').count() == 1);
		await sleep(6000);
		assert(await page.getByRole('searchbox').evaluate(node => node == document.activeElement));
		await page.getByRole('searchbox').fill('');
		await until('all are back', async () => await page.locator('tr[data-mac]').count() >= 200);
		await page.getByRole('button', { name: 'Device', exact: true }).click();
		assert.equal(await page.locator('th[data-sort=name]').getAttribute('aria-sort'), 'ascending');
		await close(page);
	},

	async 'on a telephone'() {
		for (const path of allPages(await world('mac', 'bulb'))) {
			const page = await open(path, { viewport: { width: 360, height: 740 }, isMobile: true });
			await sleep(500);
			// The settings' tabs are LuCI's own, a few pixels too wide within their frame.
			const wide = await page.evaluate(() => {
				const area = document.querySelector('.leash') || document.documentElement;
				return area.scrollWidth - area.clientWidth;
			});
			assert(wide <= 0, `${path} is ${wide} pixels too wide`);
			await close(page);
		}
	},

	async 'who may only look'() {
		const page = await open('overview', { user: 'reader' }), mac = await world('mac', 'bulb');
		await until('the house is there', async () => await row(page, mac).count());
		assert(await page.getByRole('switch').isDisabled());
		assert(await row(page, mac).locator('select').isDisabled());
		assert.equal(await row(page, mac).getByRole('button', { name: /Rename/ }).count(), 0);
		for (const path of allPages(mac)) {
			await page.goto(`${BASE}/admin/services/leash/${path}`);
			await page.locator('.leash-note', { hasText: 'may look at leash, but not change it' }).waitFor();
		}
		await page.goto(`${BASE}/admin/services/leash/settings`);
		await page.locator('.cbi-button-apply:disabled, .cbi-page-actions [disabled]').first().waitFor();
		await page.goto(`${BASE}/admin/services/leash/overview`);
		await until('the house is there', async () => await row(page, mac).count());
		const refused = await page.evaluate(async mac => {
			const api = await L.require('leash.api');
			return api.set_mode(mac, 'local').then(() => 'done', error => error.message);
		}, mac);
		assert.equal(refused, 'You may see this, but not change it.');
		await close(page);
	},

	async 'sentences of forms and values'() {
		const page = await open('overview');
		const all = expected();
		const english = await page.evaluate(sentencesOnPage, all);
		assert.deepEqual(english.map(({ whole }) => whole), all.map(({ message }) => message));
		assert.deepEqual(english.map(({ parts }) => parts), all.map(({ message }) => message));
		const trap = '%s%%%d<b>$&</b>';
		const made = await page.evaluate(sentencesOnPage, [
			{ form: 'calls %s, %s %% of it %s; and more', values: [trap, 7, { form: 'over %s', values: [trap] }] },
			{ form: '%s; %s', values: [{ form: 'a %s: %s', values: [trap, 'b'] }, { form: 'c', values: [] }] },
			{ form: '%s', values: ['100 %s: it'] }
		]);
		assert.deepEqual(made, [
			{ whole: `calls ${trap}, 7 % of it over ${trap}; and more`, head: `calls ${trap}, 7 % of it over ${trap}` },
			{ whole: `a ${trap}: b; c`, head: `a ${trap}` },
			{ whole: '100 %s: it', head: '100 %s: it' }
		].map(texts => ({ ...texts, parts: texts.whole })));
		await close(page);
	},

	async 'in German'() {
		await world('language', null, { code: 'de' });
		const page = await open('overview').finally(() => world('language', null, { code: 'en' }));
		assert.match(await page.getByRole('switch').innerText(), /Sperren ist (an|aus)/);
		assert(await page.getByRole('button', { name: 'Gerät', exact: true }).count());
		const { complaints } = await world('order', null, { words: ['doctor'] });
		const all = [...expected(), ...complaints, ...complaints.map(({ remedy }) => remedy)];
		const german = await page.evaluate(sentencesOnPage, all);
		assert.deepEqual(german.map(({ parts }) => parts), german.map(({ whole }) => whole));
		// What nobody has translated yet stays English.
		const english = german.filter(({ whole }) => / (the|it|which|what|others) /.test(whole));
		console.log(`     ${english.length} of ${all.length} sentences have English in them`);
		assert(english.length < all.length / 2);
		await shot(page, 'german', 900);
		await close(page);
	},

	// LuCI's status page takes the cards of a folder; where it takes only its own, as that of a fork does, this one is
	// shown by itself.
	async 'the card of the status page'() {
		const page = await open('doctor');
		await page.evaluate(async () => {
			const card = await L.require('view.status.include.45_leash');
			document.querySelector('.leash').replaceWith(card.render(await card.load()));
		});
		assert.match(await page.locator('.leash').innerText(), /\d+, \d+ of them calm/);
		if (SHOTS) await page.locator('.leash').screenshot({ path: `${SHOTS}/card.png` });
		const index = `${new URL(BASE).origin}/luci-static/resources/view/status/index.js`;
		if (/fs\.list\(/.test(await (await fetch(index)).text())) {
			await page.goto(`${BASE}/admin/status/overview`);
			const shown = async () => /\d+, \d+ of them calm/.test(await page.locator('.leash').innerText());
			await until('it is on the status page', shown);
			if (SHOTS) await page.screenshot({ path: `${SHOTS}/status.png`, fullPage: true });
			console.log('     on the status page');
		}
		await close(page);
	},

	// Unticked once, leash can be switched on again: in the settings, which open without it, and where it is missed.
	async 'switched off, and on again'() {
		const page = await open('settings'), enabled = () => field(page, 'enabled');
		const runs = async () => page.evaluate(async () => {
			const api = await L.require('leash.api');
			return api.status().then(() => true, () => false);
		}).catch(() => null);
		const label = page.locator('[data-name=enabled]');
		const untick = async on => {
			await label.waitFor();
			await enabled().setChecked(on, { force: true });
			await apply(page);
		};
		await untick(false);
		await until('it has stopped', async () => await runs() === false, 30);
		await go(page, 'settings');
		await page.getByRole('alert').filter({ hasText: 'leash is switched off' }).waitFor();
		assert.equal(await enabled().isChecked(), false);
		await untick(true);
		await until('it runs', runs, 30);
		await go(page, 'settings');
		await untick(false);
		await until('it has stopped', async () => await runs() === false, 30);
		for (const path of ['decisions', 'doctor', 'device/tv', 'overview']) {
			await go(page, path);
			await page.getByRole('button', { name: 'Switch leash on' }).waitFor();
		}
		await shot(page, 'switched-off', 300);
		await page.getByRole('button', { name: 'Switch leash on' }).click();
		await until('it runs', runs, 30);
		await until('and is shown', async () => await page.locator('tr[data-mac]').count() > 0, 20);
		await close(page);
	},

	// Stopped, of another version, slow, refusing: the page says what is the matter, and no script fails.
	async 'a leash that is not as it should be'() {
		const mac = await world('mac', 'bulb');
		// Alerts are set up without the daemon.
		const pages = allPages(mac).filter(path => path != 'alerts');
		const plain = value => JSON.parse(JSON.stringify(value, (name, member) => [
			'own_mode', 'label', 'severity', 'chosen', 'enforced', 'claimed_name', 'day', 'coverage', 'evidence',
			'since', 'network', 'health', 'vendor', 'idle', 'purpose', 'names'
		].includes(name) ? undefined : member));
		const states = {
			stopped: [async () => ({ code: -32000, message: 'Object not found' }), /is not running/],
			refusing: [async () => ({ code: -32002, message: 'Access denied' }), /You may see this, but not change it/],
			silent: [async () => [7], /did not answer in time/],
			damaged: [async () => [0, { error: 'the tables are gone' }], /the tables are gone/],
			slow: [async (method, _, daemon) => {
				await sleep(1500);
				return daemon();
			}],
			old: [async (method, _, daemon) => {
				const [code, answer] = await daemon();
				return ['detectors', 'report', 'pins'].includes(method) ? [3] : [code, plain(answer)];
			}, /does not know this call/, ['device', 'decisions', 'inbox']]
		};
		for (const [name, [answer, says, where = pages.map(path => path.split('/')[0])]] of
			Object.entries(states))
			for (const path of pages) {
				const page = await open(path, { answer });
				if (says && where.some(word => path.startsWith(word))) {
					const alert = page.getByRole('alert').filter({ hasText: says });
					const silent = () => assert.fail(`${name}: ${path} is silent`);
					await alert.first().waitFor({ timeout: 8000 }).catch(silent);
				}
				else if (path != 'settings')
					await until(`${name}: ${path} is there`, async () =>
						await page.locator('.cbi-section:visible').count() &&
						!await page.getByRole('alert').first().isVisible());
				if (path == 'settings') await page.locator('[data-name=enabled]').waitFor();
				await close(page);
			}
	},

	async 'the mode of the house'() {
		const page = await open('settings'), mode = field(page, 'default_mode');
		const about = await page.locator('[data-name=default_mode]').innerText();
		assert.match(about, /For all devices without a mode of their own/);
		assert.match(about, /Now \d+: /);
		for (let time = 0; time < 2; time++) {
			await mode.selectOption('local');
			const question = page.getByRole('dialog').or(page.locator('#modal_overlay .modal'));
			await question.getByText(/cuts \d+ devices off from the Internet/).waitFor();
			await question.getByRole('button', { name: 'Cancel' }).click();
			await until('it is as before', async () => await mode.inputValue() == 'observe');
		}
		await close(page);
	},

	// Severity before count, kind by kind; what the user wants is no trouble.
	async 'the headline'() {
		const address = i => `198.51.100.${i}`;
		const on = (address, found) => ({ ...found, address });
		const hint = i => on(address(i), finding('beacon', 'weak', 'calls %s every %s', address(i), '5 min'));
		const direct = finding('direct-ip', 'fair', 'calls %s, which it never looked up', address(9));
		let pulse = 1;
		const house = () => [
			device('02:00:00:00:00:01', 'chatty TV', { verdict: 'watch', findings: [1, 2, 3, 4].map(hint) }),
			device('02:00:00:00:00:02', 'tv-box', {
				verdict: 'watch', findings: [finding('relay', 'strong', 'acts as a relay for others: %s', `${pulse} %`)]
			}),
			device('02:00:00:00:00:03', 'printer', {
				verdict: 'block', mode: 'local', own_mode: true, chosen: true, severity: 1
			}),
			device('02:00:00:00:00:04', 'plug', {
				verdict: 'block', enforced: false, blocks: 1, findings: [on(address(9), direct)]
			}),
			device('02:00:00:00:00:05', 'lamp')
		];
		const page = await open('overview', { answer: devices(house) });
		const lines = (await page.locator('.leash-headline').innerText()).split('\n').filter(line => line.trim());
		assert.deepEqual(lines.map(line => line.trim()), [
			'certain tv-box acts as a relay for others',
			'would be blocked plug calls 198.51.100.9, which it never looked up',
			'Only hints: chatty TV.', 'As you chose: printer.', '5 devices, 1 of them calm.'
		]);
		assert.match(await row(page, '02:00:00:00:00:03').innerText(), /as you chose/);
		assert.equal(await page.locator('tr[data-mac]').first().getAttribute('data-mac'), '02:00:00:00:00:02');
		// Read out when it means something else, not when a number rises.
		const spoken = () => page.locator('.leash-house [role=status]').textContent();
		pulse = 99;
		await sleep(6000);
		assert.equal(await spoken(), '');
		pulse = 0;
		house.calm = true;
		const others = house();
		others[1] = device('02:00:00:00:00:02', 'tv-box');
		await page.context().unroute(/\/ubus/);
		await answered(page.context(), devices(() => others));
		await until('it is read out', async () => /^would be blocked plug/.test((await spoken()).trim()));
		await close(page);
	},

	async 'a destination is searched for'() {
		await world('lookup', 'tv', { name: 'tv.example' });
		await world('call', 'tv', { address: '45.10.1.2' });
		const page = await open('overview'), mac = await world('mac', 'tv');
		await until('the house is there', async () => await row(page, mac).count());
		for (const words of ['tv.example', '45.10.1.2']) {
			await page.getByRole('searchbox').fill(words);
			await until('its device is left', async () => await page.locator('tr[data-mac]').count() == 1);
			assert.match(await row(page, mac).innerText(), /talks to tv\.example/);
		}
		await close(page);
	},

	async 'a decision is undone with the keyboard'() {
		const mac = await world('mac', 'plug');
		// The newest stands first.
		for (const address of ['45.10.8.1', '45.10.8.2'])
			await world('order', null, { words: ['block', mac, address] });
		const page = await open('decisions');
		const pin = address => page.locator(`tr[data-target="${address}"]`);
		await pin('45.10.8.2').getByRole('button', { name: 'Undo' }).focus();
		await page.keyboard.press('Enter');
		await until('it is gone', async () => await pin('45.10.8.2').count() == 0);
		assert.match(await focused(page), /^Undo the decision on 45.10.8.1/);
		await page.keyboard.press('Enter');
		await until('it is gone', async () => await pin('45.10.8.1').count() == 0);
		await until('the focus is in the table', async () => await page.evaluate(() =>
			document.activeElement.closest('table') != null));
		await close(page);
	},

	// What is new since somebody last looked, a card each; what is done about it can be undone in its place.
	async 'the inbox'() {
		// All are here, so that nobody comes on the way.
		for (const name of ['bulb', 'tv', 'phone', 'plug'])
			await world('lookup', name, { name: `${name}.example` });
		await until('all are seen', async () => (await world('order', null, { words: ['status'] })).devices >= 4);
		assert(await world('call', 'plug', { address: '45.10.6.6' }));
		const page = await open('inbox');
		const unfold = async () => page.locator('.leash-items').evaluateAll(all => all.forEach(it => it.open = true));
		const card = page.locator('.leash-item[data-key$="45.10.6.6"]');
		const whole = page.locator('.leash-inbox section').filter({ has: card });
		await until('its card is there', async () => await card.count() == 1);
		assert.match(await whole.locator('h3').innerText(), / calls (45\.10\.6\.6, which|\d addresses that it never)/);
		await whole.getByText('It could also be').click();
		assert(await whole.locator('li').count() > 0);
		await unfold();
		const press = (name, at = card) => at.getByRole('button', { name, exact: false }).first().press('Enter');
		await press('Try for 10 minutes');
		await until('it is blocked', async () => /for another (9|10) min/.test(await card.innerText()));
		assert.equal(await focused(page), 'Undo the decision on 45.10.6.6');
		assert.equal(await world('call', 'plug', { address: '45.10.6.6' }), false);
		await page.keyboard.press('Enter');
		await until('it is undone', async () => await card.locator('[data-act=block]').count() == 1);
		assert(await world('call', 'plug', { address: '45.10.6.6' }));
		for (const [act, says] of [['allow', 'allowed'], ['block', 'blocked']]) {
			await card.locator(`[data-act=${act}]`).click();
			await until(says, async () => (await card.innerText()).includes(says));
			await press('Undo');
			await until('it is undone', async () => await card.locator('[data-act=block]').count() == 1);
		}
		// The overview counts them, and this browser is told no more of some.
		await card.locator('[data-act=hush]').click();
		await until('it says so', async () => (await card.innerText()).includes('is told no more'));
		await page.keyboard.press('Enter');
		await until('it is told again', async () => await card.locator('[data-act=hush]').count() == 1);
		await card.locator('[data-act=hush]').click();
		await page.goto(`${BASE}/admin/services/leash/overview`);
		const link = page.locator('[data-part=news] a');
		await until('the overview says how many', async () => await link.isVisible());
		assert.match(await link.innerText(), /^\d+ new$/);
		await link.click();
		const cards = page.locator('.leash-inbox section'), told = page.locator('.leash-bar [role=status]');
		const all = page.getByRole('button', { name: 'Show all' });
		await until('as many are there', async () => {
			if (await all.isVisible()) await all.click();
			return await told.innerText() == `${await cards.count()} new`;
		});
		assert.equal(await card.count(), 0);
		await page.getByRole('button', { name: 'All seen' }).click();
		await until('nothing is new', async () => /Nothing is new/.test(await page.locator('.leash').innerText()));
		await page.reload();
		await page.getByText('Nothing is new since you last looked.').waitFor();
		// What happens then is.
		await world('call', 'plug', { address: '45.10.6.7' });
		await until('its card is there', async () => await page.locator('[data-key$="45.10.6.7"]').count() == 1);
		await close(page);
	},

	// Repeated findings are one card, and what was found is part of the block that followed. Names are text.
	async 'cards of the inbox'() {
		const tv = { device: '02:00:00:00:00:02', name: '<b>tv</b>' }, address = '203.0.113.9';
		const said = { form: 'calls %s, which it never looked up', values: [address] };
		const found = (number, detector, more) => ({
			...tv, number, time: 1e9 + number, kind: 'finding', detector, address, form: '%s: %s',
			values: [detector, said], message: '', ...more
		});
		const history = [
			found(1, 'direct-ip'), found(2, 'beacon', { address: '203.0.113.10' }),
			found(3, 'beacon', { address: '203.0.113.10' }), found(3, 'beacon', { address: '203.0.113.11' }),
			found(4, 'relay', {
				address: undefined, values: ['relay', { form: 'acts as a relay for others: %s', values: ['97 %'] }]
			}),
			found(4, 'plaintext', { names: ['<i>x</i>.example'] }),
			{
				...tv, number: 5, time: 1e9 + 5, kind: 'block', address, form: '%s is blocked: %s',
				values: [address, said]
			},
			{ ...tv, number: 6, time: 1e9 + 6, kind: 'mode', form: 'mode %s', values: ['guard'] },
			{ ...tv, number: 7, time: 1e9 + 7, kind: 'device', form: 'a new device', values: [] }
		].map(record => ({ message: '', ...record }));
		const answer = async (method, _, daemon) => method == 'history' ? [0, { history }] :
			['blocks', 'pins'].includes(method) ? [0, { [method]: [] }] : daemon();
		for (const colorScheme of ['light', 'dark'])
			for (const viewport of [{ width: 1200, height: 900 }, { width: 360, height: 740 }]) {
				const page = await open('inbox', { answer, viewport, colorScheme });
				const cards = await page.locator('.leash-inbox h3').allInnerTexts();
				assert.deepEqual(cards, [
					'<b>tv</b> acts as a relay for others', `<b>tv</b>: ${address} is blocked`,
					'<b>tv</b> calls 2 addresses in an unusual rhythm', '<b>tv</b>: a new device'
				]);
				const repeated = page.locator('.leash-inbox section').nth(2);
				assert.match(await repeated.innerText(), /3 times\s+2 destinations$/);
				assert(!await repeated.locator('.leash-item').first().isVisible());
				await repeated.getByText('2 destinations').click();
				assert.equal(await repeated.getByRole('button', { name: /^Not again/ }).count(), 2);
				assert(await page.getByText('It could also be').count() == 3);
				assert.deepEqual(await inaccessible(page), []);
				const wide = await page.evaluate(() => {
					const area = document.querySelector('.leash');
					return area.scrollWidth - area.clientWidth;
				});
				assert(wide <= 0, `${wide} pixels too wide`);
				await shot(page, `inbox-${viewport.width}-${colorScheme}`, viewport.height);
				await close(page);
			}
	},

	// By name, or the whole domain; before it is done one sees what else in the house that hits.
	async 'block by name'() {
		for (const name of ['bulb', 'tv']) {
			await world('lookup', name, { name: `${name}.example` });
			await world('call', name, { address: name == 'tv' ? '45.10.1.2' : '45.10.1.1' });
		}
		const mac = await world('mac', 'tv'), page = await open(`device/${encodeURIComponent(mac)}`);
		const line = destination(page, '45.10.1.2').first();
		await until('it is listed', async () => /tv\.example/.test(await line.innerText()));
		const dialog = page.getByRole('dialog').or(page.locator('#modal_overlay .modal'));
		const choose = () => line.locator('select[data-act=menu]').selectOption('name');
		await choose();
		await dialog.getByText(/Addresses that are hit: .* \(1\)\./).waitFor();
		await dialog.getByRole('button', { name: 'Cancel' }).click();
		assert.equal(await focused(page), await line.locator('select[data-act=menu]').getAttribute('aria-label'));
		await choose();
		await dialog.getByLabel('Duration').selectOption('10m');
		await dialog.getByRole('button', { name: 'Block' }).click();
		await until('it is blocked', async () => /blocked for another (9|10) min/.test(await line.innerText()));
		assert.match(await line.innerText(), /by the name tv\.example/);
		assert.equal(await world('call', 'tv', { address: '45.10.1.2' }), false);
		await line.getByRole('button', { name: 'Undo the decision on tv.example' }).click();
		await until('it is open', async () => !(await line.innerText()).includes('blocked'));
		assert(await world('call', 'tv', { address: '45.10.1.2' }));
		await choose();
		await dialog.getByLabel('Devices').selectOption('');
		await dialog.getByRole('button', { name: 'Block' }).click();
		await until('for all', async () => /by the name tv\.example, for all/.test(await line.innerText()));
		await line.getByRole('button', { name: 'Undo the decision on tv.example' }).click();
		await until('it is open', async () => !(await line.innerText()).includes('blocked'));
		await close(page);
		// Of a longer name there is the domain as well, which hits more.
		const asked = [], ordered = [];
		const plug = device('02:00:00:00:00:01', 'plug', { contacts: [{
			address: '198.51.100.1', protocol: 'tcp', port: 443, explained: 'lookup', names: ['a.b.vendor.example'],
			flows: 3, sent_bytes: 5, received_bytes: 9, first: 1e9, last: 1e9, active_hours: 1, verdict: 'allow'
		}] });
		const callers = target => [
			{ device: plug.mac, name: 'plug', addresses: target == 'vendor.example' ? 3 : 1 },
			...target == 'vendor.example' ? [{ device: '02:00:00:00:00:02', name: '<i>tv</i>', addresses: 2 }] : []
		];
		const answer = async (method, arguments_, daemon) => {
			if (method == 'device') return [0, { device: plug }];
			if (method == 'decide') return ordered.push(arguments_), [0, {}];
			if (method != 'callers') return daemon();
			asked.push(arguments_.target);
			return [0, { ...arguments_, domain: 'vendor.example', callers: callers(arguments_.target) }];
		};
		const other = await open('device/plug', { answer });
		const menu = destination(other, '198.51.100.1').locator('select[data-act=menu]');
		await menu.selectOption('name');
		const question = other.getByRole('dialog').or(other.locator('#modal_overlay .modal'));
		await question.getByText('Addresses that are hit: plug (1).').waitFor();
		await question.getByLabel('Name').selectOption('vendor.example');
		await question.getByText('Addresses that are hit: plug (3).').waitFor();
		await question.getByText('Others call it, too, and are not blocked: <i>tv</i> (2).').waitFor();
		await question.getByLabel('Devices').selectOption('');
		await question.getByText('Addresses that are hit: plug (3), <i>tv</i> (2).').waitFor();
		await shot(other, 'by-name', 900);
		await question.getByRole('button', { name: 'Block' }).click();
		await until('it is ordered', () => ordered.length);
		assert.deepEqual(ordered, [{ target: 'vendor.example', verdict: 'block' }]);
		assert.deepEqual(asked, ['a.b.vendor.example', 'vendor.example']);
		await close(other);
	},

	// What flows just now, worked out of two answers, and what is worth knowing of a device's day.
	async 'rates and habits'() {
		let counted = 0;
		const bytes = () => ({ sent_bytes: 1e6 + 6e4 * counted, received_bytes: 1e6 + 15e3 * counted });
		const contact = (address, more) => ({
			address, protocol: 'tcp', port: 443, explained: 'lookup', flows: 3, sent_bytes: 5, received_bytes: 9,
			first: 1e9, last: 1e9, active_hours: 1, verdict: 'allow', ...more
		});
		const mac = '02:00:00:00:00:01';
		const camera = () => device(mac, 'camera', {
			...bytes(), contacts: [contact('198.51.100.1', bytes()), contact('198.51.100.2')],
			habits: [{ form: 'sends %s %% of what your line can send', values: [5], message: '' }]
		});
		const answer = async (method, _, daemon) => {
			if (method == 'device') return counted++, [0, { device: camera() }];
			const all = () => [camera(), device('02:00:00:00:00:02', 'lamp')];
			if (method == 'devices') return counted++, [0, { devices: all() }];
			return daemon();
		};
		const rate = /↑ (1\d|9\.\d) kB\/s\s+↓ (3|2|2\.\d|3\.\d) kB\/s/;
		const page = await open('device/camera', { answer });
		assert.match(await page.locator('[data-part=habits]').innerText(), /^sends 5 % of what your line can send$/);
		const line = destination(page, '198.51.100.1');
		assert.doesNotMatch(await line.innerText(), /\/s/);
		await until('the rate is told', async () => rate.test(await line.innerText()));
		assert.doesNotMatch(await destination(page, '198.51.100.2').innerText(), /\/s/);
		assert.deepEqual(await inaccessible(page), []);
		await page.goto(`${BASE}/admin/services/leash/overview`);
		await until('and of the device', async () => rate.test(await row(page, mac).innerText()));
		assert.doesNotMatch(await row(page, '02:00:00:00:00:02').innerText(), /\/s/);
		await close(page);
	},

	// The three tiers of what a household asks first, each fact with its next step.
	async 'the house at a glance'() {
		const [tv, lamp] = ['02:00:00:00:00:02', '02:00:00:00:00:05'];
		const says = (form, ...values) => ({ form, values, message: form });
		let asked = 0;
		const ordered = [], tiers = [
			{ tier: 'isolation', facts: [{
				...says('all %s devices share one network: each can reach the others', 2), devices: [],
				next: says('give what needs no computer of yours a network of its own, such as a guest network')
			}] },
			{ tier: 'names', facts: [{
				...says('what the lists warn of is called by %s', 'tv, lamp'), devices: [tv, lamp],
				next: { ...says('turn guard on for them'), mode: 'guard', devices: [tv, lamp] }
			}] },
			{ tier: 'addresses', facts: [{
				...says('null-routed addresses: %s; packets stopped: %s', 1, 7), devices: [tv],
				next: { ...says('see what, and why'), page: 'decisions' }
			}] }
		];
		const house = devices(() => [device(tv, '<b>tv</b>'), device(lamp, 'lamp')]);
		const answer = async (method, arguments_, daemon) => {
			if (method == 'set_mode') return ordered.push([arguments_.device, arguments_.mode]), [0, {}];
			return method == 'house' ? (asked++, [0, { tiers }]) : house(method, arguments_, daemon);
		};
		const page = await open('overview', { answer }), card = page.locator('.leash-glance');
		assert.deepEqual(await card.locator('h4').allInnerTexts(), [
			'Who can reach whom', 'Who is asked for names', 'Which addresses are called'
		]);
		assert.match(await card.innerText(), /null-routed addresses: 1; packets stopped: 7/);
		assert.match(await card.getByRole('link').getAttribute('href'), /leash\/decisions$/);
		assert.deepEqual(await inaccessible(page), []);
		await shot(page, 'glance', 900);
		await sleep(6000);
		assert.equal(asked, 1, 'asked once a minute');
		// A click asks first, and says for whom it is.
		const question = page.getByRole('dialog').or(page.locator('#modal_overlay .modal'));
		await card.getByRole('button', { name: 'turn guard on for them' }).click();
		assert.match(await question.innerText(), /<b>tv<\/b>\s+lamp/);
		await question.getByRole('button', { name: 'Cancel' }).click();
		assert.deepEqual(ordered, []);
		await card.getByRole('button', { name: 'turn guard on for them' }).click();
		await question.getByRole('button', { name: 'Set the mode' }).click();
		await until('both have it', () => ordered.length == 2);
		assert.deepEqual(ordered, [[tv, 'guard'], [lamp, 'guard']]);
		await until('it is asked again', () => asked == 2);
		await close(page);
		// A leash that does not know.
		const old = await open('overview', {
			answer: async (method, _, daemon) => ['house', 'history'].includes(method) ? [3] : daemon()
		});
		assert(!await old.locator('.leash-glance').isVisible() && !await old.locator('[data-part=news]').isVisible());
		await close(old);
	},

	// A decision and the block that follows from it are one row.
	async 'one row a decision'() {
		const mac = await world('mac', 'plug');
		await world('order', null, { words: ['block', mac, '45.10.8.3'] });
		const page = await open('decisions'), rows = page.locator('tr', { hasText: '45.10.8.3' });
		const pin = page.locator('tr[data-target="45.10.8.3"]');
		await world('call', 'plug', { address: '45.10.8.3' });
		await until('what it stopped is told', async () => /\d+ packets/.test(await pin.innerText()), 20);
		const tables = page.locator('table').filter({ has: page.locator('th', { hasText: 'Stopped' }) });
		assert.equal(await tables.locator(rows).count(), 1);
		await pin.getByRole('button', { name: /Undo/ }).click();
		await until('it is gone', async () => await tables.locator(rows).count() == 0);
		await close(page);
	},

	async 'this week'() {
		const tv = { device: '02:00:00:00:00:02', name: 'tv-box' };
		const sentence = (form, ...values) => ({ form, values, message: form });
		const report = {
			since: 1e9, until: 1e9 + 6e5, messages: [],
			findings: [{ ...tv, detector: 'relay', strength: 'strong', ...sentence('acts as a relay for others') }],
			blocked: [{
				...tv, address: '203.0.113.200', time: 1e9, active: true, stopped_packets: 12, stopped_bytes: 720,
				reason: sentence('acts as a relay for others')
			}],
			new_devices: [{
				device: '02:00:00:00:00:05', name: 'lamp', vendor: 'Osram', time: Date.now() / 1000 - 7200
			}],
			new_destinations: ['a.example', 'b.example', '<i>c</i>.example', 'd.example'].map(destination =>
				({ ...tv, destination, time: 1e9 })),
			talkative: [{ ...tv, sent_bytes: 5e9, received_bytes: 1e6 }], days: [], devices: []
		};
		const answer = async (method, _, daemon) => method == 'report' ? [0, report] : daemon();
		const page = await open('overview', { answer, knows: 'report' }), week = page.locator('.leash-week');
		const text = await week.innerText();
		for (const said of [
			'found: 1 · blocked: 1', 'tv-box acts as a relay for others', 'tv-box → 203.0.113.200 · 12 packets',
			'lamp · Osram · 2 h ago', 'tv-box: a.example, b.example, <i>c</i>.example and 1 more'
		])
			assert(text.replaceAll(/\s+/g, ' ').includes(said), `${said}: ${text}`);
		assert.equal(await week.locator('h4').first().innerText(), 'Found');
		assert.deepEqual(await inaccessible(page), []);
		await shot(page, 'week', 700);
		await close(page);
	},

	async 'accessible'() {
		const mac = await world('mac', 'bulb');
		for (const colorScheme of ['light', 'dark'])
			for (const viewport of [{ width: 1200, height: 900 }, { width: 360, height: 740 }])
				for (const path of allPages(mac)) {
					const page = await open(path, { viewport, colorScheme });
					await sleep(500);
					assert.deepEqual(await inaccessible(page), [], `${path}, ${colorScheme}, ${viewport.width}`);
					await close(page);
				}
	},

	async 'a hundred contacts on a telephone'() {
		const contact = i => ({
			address: `198.51.100.${i}`, protocol: 'tcp', port: 443, explained: i % 3 ? 'lookup' : 'none',
			service: 'tls', names: [`a-rather-long-name-${i}.iot.eu-west-1.vendor.example`], flows: 3,
			sent_bytes: 5000 * i, received_bytes: 90000, first: 1e9, last: 1e9, active_hours: 1, verdict: 'allow'
		});
		const bulb = device('02:00:00:00:00:01', 'bulb', { contacts: [...Array(100).keys()].map(contact) });
		const answer = async (method, _, daemon) => method == 'device' ? [0, { device: bulb }] : daemon();
		const viewport = { width: 360, height: 740 };
		const page = await open('device/bulb', { answer, viewport, isMobile: true });
		await page.locator('tr[data-address]').first().waitFor();
		await page.getByRole('button', { name: 'Show all' }).click();
		assert.equal(await page.locator('tr[data-address]').count(), 100);
		const heights = await page.locator('tr[data-address]').evaluateAll(rows => rows.map(row => row.offsetHeight));
		const screens = heights.reduce((sum, height) => sum + height, 0) / 740;
		console.log(`     ${screens.toFixed(1)} screens`);
		assert(screens < 18);
		await shot(page, 'contacts-telephone', 740);
		await page.locator('tr[data-address]').nth(3).scrollIntoViewIfNeeded();
		if (SHOTS) await page.screenshot({ path: `${SHOTS}/contacts-telephone.png` });
		await close(page);
	},

	async 'doctor'() {
		await world('order', null, { words: ['off'] });
		const page = await open('doctor');
		const complaint = page.locator('.leash-finding', { hasText: 'blocking is switched off, so' });
		assert.match(await complaint.innerText(), /^warning/);
		assert.equal(await complaint.locator('code').innerText(), 'leash on');
		await complaint.getByRole('button', { name: 'Copy' }).click();
		assert.equal(await page.evaluate(() => String(window.getSelection())), 'leash on');
		await shot(page, 'complaints', 500);
		await world('order', null, { words: ['on'] });
		await page.getByRole('button', { name: 'Check again' }).click();
		await until('it is mended', async () => await complaint.count() == 0);
		await close(page);
	},

	// Recorded traffic, arranged over a day.
	async 'a day of a house'() {
		const house = await replayed();
		const page = await open('overview', { house });
		// The proxy stands first, before what is blocked already.
		assert.match(await page.locator('.leash-worst').innerText(), /^certain tv-box acts as a relay for others$/);
		await page.goto(`${BASE}/admin/services/leash/device/tv-box`);
		const day = page.getByRole('img', { name: 'Contacts of the last 24 hours' });
		await day.waitFor();
		const columns = all => new Set(all.map(rect => rect.getAttribute('x'))).size;
		const hours = await day.locator('rect[rx]').evaluateAll(columns);
		assert.equal(hours, 5, 'the hours of its five runs');
		// Twenty shops are one finding, with all of them inside.
		const found = page.locator('details', { hasText: 'calls 22 addresses that it never looked up' });
		await found.first().locator('summary').first().click();
		assert.equal(await found.first().locator('ul').first().locator('li').count(), 21);
		// Whose an address is, in words, and whom to thank for it.
		if ((await house('devices')).devices.length > 1) {
			await page.goto(`${BASE}/admin/services/leash/device/living-room%20TV`);
			await page.getByText('Netflix, United States').first().waitFor();
			await page.getByText('Amazon EC2, ').first().waitFor();
			await page.getByRole('link', { name: 'DB-IP' }).waitFor();
		}
		await close(page);
	},

	// Somebody was told that the line is a proxy: a telephone, the settings as they come, no more than two taps to the
	// device, and four until it is stopped.
	async 'your line is a proxy'() {
		const house = await replayed(true), viewport = { width: 360, height: 740 };
		const page = await open('overview', { house, viewport, isMobile: true, hasTouch: true });
		let taps = 0;
		const worst = page.locator('.leash-worst');
		assert.match(await worst.innerText(), /^certain tv-box acts as a relay for others/);
		const { y } = await worst.boundingBox();
		assert(y < 740, 'seen without scrolling');
		await worst.locator('a').tap(); taps++;
		const found = page.locator('.leash-finding').first();
		await found.waitFor();
		assert.match(await found.innerText(), /acts as a relay for others: 97 % of its traffic with 203\.0\.113\.200/);
		assert(taps <= 2);
		await page.getByRole('button', { name: 'Turn guard on' }).tap(); taps++;
		const bad = destination(page, '203.0.113.200').first();
		await until('it is stopped', async () => /blocked/.test(await bad.innerText()));
		console.log(`     ${taps} taps`);
		assert(taps <= 4);
		await shot(page, 'stopped-telephone', 740);
		// A week later, the overview says what happened.
		const knows = await page.evaluate(async () => Boolean((await L.require('leash.api')).report));
		await close(page);
		if (!knows) return;
		await house('wait', { seconds: 6 * 24 * 3600 });
		house.now += 6 * 24 * 3600;
		const later = await open('overview', { house, viewport, isMobile: true, hasTouch: true });
		await later.locator('.leash-week summary').tap();
		const blocked = later.locator('.leash-card', { hasText: 'Blocked' });
		assert.match(await blocked.innerText(), /tv-box → .*203\.0\.113\.200/);
		if (SHOTS) await later.screenshot({ path: `${SHOTS}/week-telephone.png` });
		await close(later);
	},

	async 'pictures'() {
		if (!SHOTS) return;
		mkdirSync(SHOTS, { recursive: true });
		const house = await replayed(), { devices } = await house('devices');
		if (devices.length < 2) return console.log('     skipped: LEASH_CAPTURES names no folder of recordings');
		const path = name => `device/${encodeURIComponent(name)}`;
		const pages = {
			overview: 'overview',
			relay: path('tv-box'),
			camera: path('garden camera'),
			blocked: path('hallway plug'),
			phone: path("Anna's phone"),
			inbox: 'inbox',
			decisions: 'decisions',
			settings: 'settings',
			doctor: 'doctor'
		};
		await house('decide', { device: 'living-room TV', target: '23.246.3.140', verdict: 'allow' });
		await house('decide', { device: 'laptop', target: '1.1.1.1', verdict: 'block', for: '1h' });
		for (const [width, height] of [[1200, 900], [390, 844]])
			for (const colorScheme of ['light', 'dark'])
				for (const [name, path] of Object.entries(pages)) {
					const page = await open(path, { viewport: { width, height }, colorScheme, house });
					await sleep(800);
					await page.addStyleTag({ content: 'footer { display: none }' });
					await page.screenshot({ path: `${SHOTS}/${name}-${width}-${colorScheme}.png`, fullPage: true });
					// As in the README.
					if (height < 900 && name == 'overview') await shot(page, `telephone-${colorScheme}`, height);
					await close(page);
				}
	}
};

let failed = 0;
const chosen = name => !only.length || only.some(word => name.includes(word));
for (const [name, story] of Object.entries(stories).filter(([name]) => chosen(name))) {
	const begin = Date.now();
	try {
		await story();
		console.log(`ok   ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
	}
	catch (error) {
		failed++;
		console.log(`FAIL ${name}\n${error.stack}`);
		for (const context of browser.contexts()) {
			for (const page of context.pages()) {
				console.log(page.errors?.join('\n'));
				const path = `${SHOTS}/failed-${name.replaceAll(' ', '-')}.png`;
				if (SHOTS) await page.screenshot({ path, fullPage: true });
			}
			await context.close();
		}
	}
}
await browser.close();
process.exit(failed ? 1 : 0);
