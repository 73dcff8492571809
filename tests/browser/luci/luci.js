'use strict';
/* A stand-in for what the page uses of LuCI's browser side. It behaves alike where that matters, and is stricter where
 * LuCI lets a mistake pass. */

/* LuCI's format (cbi.js): `%%`, and flags, a width and a precision before the kind of a value. A percent sign that
 * begins none of these makes LuCI leave the rest as it is, and a value that is missing makes it repeat the one before:
 * mistakes of whoever wrote the form or its translation, and errors here. */
String.prototype.format = function(...values) {
	const conversion = /^([^%]*)%('.|0| )?(-)?(\d+)?(\.\d+)?([%bcdufosxXqhjtm])/;
	let rest = String(this), filled = '', used = 0, found;
	while ((found = rest.match(conversion))) {
		const [ all, before, , , width, precision, kind ] = found;
		rest = rest.slice(all.length);
		filled += before + (kind == '%' ? '%' : convert(kind, width, precision));
	}
	if (rest.includes('%') || used < values.length)
		throw new Error(`'${this}' does not fit ${values.length} values`);
	return filled + rest;

	function convert(kind, width, precision) {
		if (used >= values.length) throw new Error(`'${this}' lacks values`);
		const value = values[used++];
		if (kind == 's') return String(value);
		if (kind == 'h') return E('i', {}, [ String(value) ]).innerHTML;
		if (kind == 'd') return Math.floor(Number(value) || 0).toFixed(0);
		if (kind != 'm') throw new Error(`the stand-in for LuCI has no %${kind}`);
		const base = Number(width) || 1000, units = [ ' ', ' K', ' M', ' G', ' T', ' P', ' E' ];
		let number = Number(value) || 0, unit = 0;
		for (; unit < units.length && number > base; unit++) number /= base;
		if (!unit) return number + ' ';
		const digits = precision ? Math.trunc(10 * Number('0' + precision)) : 2;
		return number.toFixed(digits) + units[unit] + (base == 1024 ? 'i' : '');
	}
};

/* LuCI finds a translation by the hash of the text, without the spaces around it. */
const _ = text => window.TR[String(text).trim().replace(/[ \t\n]+/g, ' ')] || text;

/* A bare string as the content of an element is markup; strings in an array are text. */
const dom = {
	append(node, children) {
		if (Array.isArray(children))
			for (const child of children.filter(child => child != null))
				node.appendChild(child instanceof Node ? child : document.createTextNode(child));
		else if (children instanceof Node) node.appendChild(children);
		else if (children != null) node.innerHTML = String(children);
		return node;
	},
	content(node, children) {
		node.replaceChildren();
		return this.append(node, children);
	}
};

function E(name, attributes, children) {
	const node = document.createElement(name);
	for (const [ key, value ] of Object.entries(attributes)) {
		if (typeof value == 'function') node.addEventListener(key, value);
		else if (value != null) node.setAttribute(key, value);
	}
	return dom.append(node, children);
}

class Base {
	static extend(members) {
		const made = class extends this {};
		Object.assign(made.prototype, members);
		return made;
	}
}

const rpc = {
	number: 0,
	declare({ object, method, params = [], expect }) {
		return async (...args) => {
			const values = Object.fromEntries(params.map((name, i) => [ name, args[i] ]));
			const call = { jsonrpc: '2.0', method: 'call', params: [ 'session', object, method, values ] };
			const body = JSON.stringify({ ...call, id: ++rpc.number });
			const response = await fetch('/ubus', { method: 'POST', body });
			const { result, error } = await response.json();
			if (error)
				throw new Error(`RPC call to ${object}/${method} failed with error ${error.code}: ${error.message}`);
			const answer = result.length > 1 ? result[1] : result[0];
			return expect ? answer[Object.keys(expect)[0]] : answer;
		};
	}
};

/* What a user may run stands in the rights of the page. */
const fs = {
	exec: rpc.declare({ object: 'file', method: 'exec', params: [ 'command', 'params', 'env' ] })
};

const poll = {
	add(act, seconds) {
		setInterval(() => document.hidden || act(), seconds * 1000);
	}
};

const ui = {
	addNotification(title, children, kind) {
		const notification = E('div', { 'class': 'alert-message ' + (kind || ''), 'role': 'alert' }, [ children ]);
		document.getElementById('maincontent').prepend(notification);
	},
	showModal(title, children) {
		const modal = E('div', { 'id': 'modal', 'role': 'dialog' }, [ E('h4', {}, [ title ]), ...children ]);
		document.body.appendChild(modal);
	},
	hideModal() {
		document.getElementById('modal')?.remove();
	},
	changes: {
		/* As LuCI's: the page is loaded again when they are in force. */
		async apply() {
			await fetch(L.url('admin/uci/apply_rollback'), { method: 'POST' });
			window.location.reload();
		}
	}
};

/* Settings: what was loaded is asked for and changed here, and is not read again before it is unloaded. */
const uciCall = (method, params, expect) => rpc.declare({ object: 'uci', method, params, expect });
const uci = {
	loaded: {},
	changed: {},
	callGet: uciCall('get', [ 'config' ], { values: {} }),
	callSet: uciCall('set', [ 'config', 'section', 'values' ]),
	callAdd: uciCall('add', [ 'config', 'type', 'name', 'values' ], { section: '' }),
	callDelete: uciCall('delete', [ 'config', 'section', 'options' ]),
	async load(config) {
		this.loaded[config] ??= await this.callGet(config);
		return [ config ];
	},
	unload(config) {
		delete this.loaded[config];
	},
	sections(config, type) {
		const all = Object.values(this.loaded[config] || {});
		return all.filter(section => section['.type'] == type).sort((a, b) => a['.index'] - b['.index']);
	},
	get(config, section, option) {
		return this.loaded[config]?.[section]?.[option] ?? null;
	},
	set(config, section, option, value) {
		const empty = value == null || value.length == 0;
		if (String(value ?? '') == String(this.get(config, section, option) ?? '')) return;
		this.loaded[config][section][option] = empty ? undefined : value;
		((this.changed[config] ??= {})[section] ??= {})[option] = empty ? null : value;
	},
	async save() {
		for (const [ config, sections ] of Object.entries(this.changed))
			for (const [ section, values ] of Object.entries(sections)) {
				const gone = Object.keys(values).filter(option => values[option] == null);
				const set = Object.fromEntries(Object.entries(values).filter(([ , value ]) => value != null));
				if (Object.keys(set).length) await this.callSet(config, section, set);
				if (gone.length) await this.callDelete(config, section, gone);
			}
		this.changed = {};
	}
};

/* Forms: shows the options of a named section, and a table of those of others, to which one can be added. */
class Option {
	constructor(name, title, about) {
		Object.assign(this, { name, title: title || name, about, choices: [] });
	}
	value(value, label) {
		this.choices.push([ value, label || value ]);
	}
	getUIElement() {
		return { node: this.input, setValue: value => this.input.value = value };
	}
	field() {
		/* LuCI's widget fails without choices, and with it the whole form. */
		if (this.many && !this.choices.length) throw new TypeError('Cannot convert undefined or null to object');
		if (this.flag) return E('input', { 'type': 'checkbox' }, []);
		if (!this.choices.length) return E('input', { 'type': 'text', 'placeholder': this.placeholder }, []);
		const options = this.choices.map(([ value, label ]) => E('option', { value }, [ label ]));
		return E('select', { 'multiple': this.many ? '' : null }, options);
	}
	render(value, section) {
		this.input = this.field();
		if (this.onchange)
			this.input.addEventListener('change', ev => this.onchange(ev, section, this.input.value));
		if (this.flag)
			this.input.checked = (value ?? this.default) == '1';
		else if (this.many)
			for (const option of this.input.options)
				option.selected = [].concat(value ?? []).includes(option.value);
		else
			this.input.value = [].concat(value ?? this.default ?? '').join(' ');
		return E('div', { 'class': 'cbi-value', 'data-name': this.name }, [
			E('label', {}, [ this.title, ' ', this.input ]), E('div', {}, this.about)
		]);
	}
	cfgvalue(row) {
		return row[this.name];
	}
	textvalue(row) {
		return row[this.name];
	}
	read() {
		if (this.flag) return this.input.checked ? '1' : '0';
		if (this.many) return [ ...this.input.selectedOptions ].map(option => option.value);
		const valid = this.validate ? this.validate(null, this.input.value) : true;
		if (valid !== true) throw new Error(valid);
		return this.list ? this.input.value.split(' ').filter(word => word) : this.input.value;
	}
}

class Section {
	constructor(kind, name, title, about) {
		Object.assign(this, { kind, name, title, about, options: [] });
	}
	tab() {}
	formvalue(_section, name) {
		return this.options.find(option => option.name == name).input.value;
	}
	taboption(tab, ...rest) {
		return this.option(...rest);
	}
	option(Kind, ...rest) {
		const option = new Kind(...rest);
		Object.assign(option, { section: this, enabled: '1' });
		this.options.push(option);
		return option;
	}
}

const kind = members => class extends Option {
	constructor(...rest) {
		super(...rest);
		Object.assign(this, members);
	}
};

class Form {
	constructor(config, title, about) {
		Object.assign(this, { config, title, about, sections: [] });
	}
	section(kind, name, ...rest) {
		const section = new Section(kind, name, ...(kind == 'named' ? [] : rest));
		this.sections.push(section);
		return section;
	}
	async render() {
		await uci.load(this.config);
		const values = uci.loaded[this.config];
		const map = E('div', { 'class': 'cbi-map' }, [ E('h2', {}, [ this.title ]), E('p', {}, [ this.about ]) ]);
		for (const section of this.sections) {
			if (section.kind == 'named') {
				dom.append(map, section.options.map(option => {
					return option.render(values[section.name]?.[option.name], section.name);
				}));
				continue;
			}
			const columns = section.options.filter(option => !option.modalonly);
			const rows = Object.values(values).filter(each => each['.type'] == section.name);
			const cells = row => columns.map(option => E('td', {}, [ option.textvalue(row) ]));
			dom.append(map, [
				E('h3', {}, [ section.title ]), E('table', {}, rows.map(row => E('tr', {}, cells(row)))),
				section.addremove
					? E('button', { 'class': 'cbi-button-add', 'click': () => this.add(section) }, [ _('Add') ])
					: ''
			]);
		}
		form.shown = this;
		return map;
	}
	add(section) {
		const save = async () => {
			try {
				const values = Object.fromEntries(section.options.map(option => [ option.name, option.read() ]));
				await uci.callAdd(this.config, section.name, undefined, values);
				ui.hideModal();
			}
			catch (error) {
				ui.addNotification(null, E('p', {}, [ error.message ]), 'error');
			}
		};
		ui.showModal(section.title, [
			...section.options.map(option => option.render(null, null)),
			E('button', { 'class': 'cbi-button-positive', 'click': save }, [ _('Save') ])
		]);
	}
	async save() {
		for (const section of this.sections.filter(section => section.kind == 'named')) {
			for (const option of section.options)
				uci.set(this.config, section.name, option.name, option.read());
		}
		await uci.save();
	}
}

const form = {
	Map: Form,
	NamedSection: 'named',
	GridSection: 'grid',
	Value: kind({}),
	Flag: kind({ flag: true }),
	ListValue: kind({}),
	MultiValue: kind({ many: true }),
	DynamicList: kind({ list: true })
};

const modules = { baseclass: Base, dom, form, fs, poll, rpc, ui, uci, view: Base };

const L = {
	url: path => '/cgi-bin/luci/' + path,
	resource: path => '/luci-static/resources/' + path,
	hasViewPermission: () => window.MAY_WRITE,

	/* A module by its name. Its file begins with what it requires. */
	async require(name) {
		return modules[name] ??= (async () => {
			const text = await (await fetch(L.resource(name.replaceAll('.', '/') + '.js'))).text();
			const requires = [ ...text.matchAll(/^'require ([\w.]+)(?: as (\w+))?';/gm) ];
			const values = await Promise.all(requires.map(([ , name ]) => L.require(name)));
			const names = requires.map(([ , name, as ]) => as || name.replaceAll('.', '_'));
			const made = new Function(...names, text)(...values);
			return new made();
		})();
	},

	async show(path) {
		const area = document.getElementById('view'), view = await L.require('view.' + path.replaceAll('/', '.'));
		dom.content(area, await view.render(await view.load?.()));
		if (view.handleSaveApply !== undefined) return;
		const failed = e => ui.addNotification(null, E('p', {}, [ e.message ]), 'error');
		area.appendChild(E('button', {
			'class': 'cbi-button-apply',
			'disabled': window.MAY_WRITE ? null : '',
			'click': () => form.shown.save().then(() => ui.changes.apply(true)).catch(failed)
		}, [ _('Save & Apply') ]));
	}
};
