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
	}
};

const uci = {
	get: rpc.declare({ object: 'uci', method: 'get', params: [ 'config' ], expect: { values: {} } }),
	set: rpc.declare({ object: 'uci', method: 'set', params: [ 'config', 'section', 'values' ] }),
	commit: rpc.declare({ object: 'uci', method: 'commit', params: [ 'config' ] })
};

/* Forms: shows the options of a named section, and a table of those of others. */
class Option {
	constructor(name, title, about) {
		Object.assign(this, { name, title: title || name, about, choices: [] });
	}
	value(value, label) {
		this.choices.push([ value, label || value ]);
	}
	field() {
		if (this.flag) return E('input', { 'type': 'checkbox' }, []);
		if (!this.choices.length) return E('input', { 'type': 'text', 'placeholder': this.placeholder }, []);
		const options = this.choices.map(([ value, label ]) => E('option', { value }, [ label ]));
		return E('select', { 'multiple': this.many ? '' : null }, options);
	}
	render(value) {
		this.input = this.field();
		if (this.flag)
			this.input.checked = (value ?? this.default) == '1';
		else if (this.many)
			for (const option of this.input.options)
				option.selected = [].concat(value ?? []).includes(option.value);
		else
			this.input.value = [].concat(value ?? this.default ?? '').join(' ');
		return E('div', { 'class': 'cbi-value', 'data-name': this.name }, [
			E('label', {}, [ this.title, ' ', this.input ]), E('div', {}, [ this.about ])
		]);
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
	taboption(tab, ...rest) {
		return this.option(...rest);
	}
	option(Kind, ...rest) {
		const option = new Kind(...rest);
		option.enabled = '1';
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
		const values = await uci.get(this.config);
		const map = E('div', { 'class': 'cbi-map' }, [ E('h2', {}, [ this.title ]), E('p', {}, [ this.about ]) ]);
		for (const section of this.sections) {
			if (section.kind == 'named') {
				dom.append(map, section.options.map(option => option.render(values[section.name]?.[option.name])));
				continue;
			}
			const columns = section.options.filter(option => !option.modalonly);
			const rows = Object.values(values).filter(each => each['.type'] == section.name);
			const cells = row => columns.map(option => E('td', {}, [ row[option.name] ]));
			dom.append(map, [
				E('h3', {}, [ section.title ]), E('table', {}, rows.map(row => E('tr', {}, cells(row))))
			]);
		}
		form.shown = this;
		return map;
	}
	async save() {
		for (const section of this.sections.filter(section => section.kind == 'named')) {
			const values = section.options.map(option => [ option.name, option.read() ]);
			await uci.set(this.config, section.name, Object.fromEntries(values.filter(([ , value ]) => value.length)));
		}
		await uci.commit(this.config);
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

const modules = { baseclass: Base, dom, form, poll, rpc, ui, uci, view: Base };

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
		const save = () => form.shown.save().catch(e => ui.addNotification(null, E('p', {}, [ e.message ]), 'error'));
		area.appendChild(E('button', { 'class': 'cbi-button-apply', 'click': save }, [ _('Save & Apply') ]));
	}
};
