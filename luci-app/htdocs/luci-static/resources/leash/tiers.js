'use strict';
'require baseclass';
'require ui';
'require leash.api as api';
'require leash.widgets as widgets';
'require leash.words as words';

/* What a household asks first, in three tiers, each with the next step. */

const TITLES = {
	'isolation': _('Who can reach whom'),
	'names': _('Who is asked for names'),
	'addresses': _('Which addresses are called')
};

/* Asks whether these devices are to have a mode, and sets it. */
function ask(step, devices, done) {
	const names = step.devices.map(mac => words.deviceName(devices().find(device => device.mac == mac) || { mac }));
	const set = () => {
		ui.hideModal();
		return widgets.attempt(Promise.all(step.devices.map(mac => api.set_mode(mac, step.mode))), done);
	};
	ui.showModal(words.sentence(step), [
		E('p', {}, [ words.mode(step.mode) ]),
		E('ul', {}, [ ...names.map(name => E('li', {}, [ name ])) ]),
		E('div', { 'class': 'right' }, [
			widgets.button(_('Cancel'), ui.hideModal), ' ',
			widgets.button(_('Set the mode'), set, 'action')
		])
	]);
}

/* Returns what to do next: a button, a link, or the sentence alone. */
function next(step, devices, done) {
	const says = words.sentence(step, 300);
	if (step.mode) return widgets.button(says, () => ask(step, devices, done), 'action');
	if (step.page) return E('a', { 'href': L.url('admin/services/leash') + '/' + step.page }, [ says ]);
	return widgets.span(says, { 'class': 'leash-faint leash-small' });
}

return baseclass.extend({
	/* Returns a card for each tier of leash's answer; devices() are those that there are, and done() is called when a
	 * step was taken. */
	cards({ tiers }, devices, done) {
		return tiers.filter(({ facts }) => facts.length).map(({ tier, facts }) => {
			return E('div', { 'class': 'leash-card', 'data-tier': tier }, [
				E('h4', {}, [ TITLES[tier] || tier ]),
				E('ul', {}, [ ...facts.map(fact => E('li', {}, [
					words.sentence(fact, 400), fact.next ? E('div', {}, [ next(fact.next, devices, done) ]) : ''
				])) ])
			]);
		});
	}
});
